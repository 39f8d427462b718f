variable "prefix" {
  description = "Begins the machines' names."
  type        = string
}

variable "domain" {
  description = "The domain of tests that they are for."
  type        = string
}

variable "vm_count" {
  description = "How many there are."
  type        = number
}

variable "memory_mib" {
  description = "Memory of each in MiB."
  type        = number
}

variable "cpus" {
  description = "CPUs of each."
  type        = number
}

variable "disk_mib" {
  description = "The scratch disk of each in MiB."
  type        = number
}

variable "disk_cache" {
  description = "QEMU's cache mode."
  type        = string
}

variable "disk_io" {
  description = "How QEMU does I/O."
  type        = string
}

variable "hugepages" {
  description = "Whether memory comes from huge pages."
  type        = bool
}

variable "domain_type" {
  description = "kvm or qemu."
  type        = string
}

variable "base_image" {
  description = "An image in qcow2 to boot; empty: the kernel is booted."
  type        = string
}

variable "kernel" {
  description = "A kernel's image."
  type        = string
}

variable "initrd" {
  description = "Its initial ramdisk."
  type        = string
}

variable "cmdline" {
  description = "Its command line."
  type        = string
}

variable "system_disks" {
  description = "Disks that all machines share read-only."
  type        = list(object({ serial = string, path = string }))
}

variable "pool" {
  description = "The pool for disks."
  type        = string
}

variable "artifacts" {
  description = "The folder for consoles."
  type        = string
}

variable "network" {
  description = "The network's name; empty: no network device."
  type        = string
}

variable "network_cidr" {
  description = "The network's addresses."
  type        = string
}

variable "first_address" {
  description = "The number of the first machine's address in the network."
  type        = number
}
