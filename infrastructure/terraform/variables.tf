variable "environment" {
  description = "The environment's name; it begins the names of all that is made."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,15}$", var.environment))
    error_message = "An environment has a name of small letters, digits and hyphens, such as test."
  }
}

# Machines of each domain.

variable "kernel_module_vm_count" {
  description = "Machines for the domain kernel_module."
  type        = number
  default     = 1
  validation {
    condition     = var.kernel_module_vm_count >= 0 && floor(var.kernel_module_vm_count) == var.kernel_module_vm_count
    error_message = "It is a whole number of machines."
  }
}

variable "filesystem_ops_vm_count" {
  description = "Machines for the domain filesystem_operations."
  type        = number
  default     = 1
  validation {
    condition     = var.filesystem_ops_vm_count >= 0 && floor(var.filesystem_ops_vm_count) == var.filesystem_ops_vm_count
    error_message = "It is a whole number of machines."
  }
}

variable "vector_ops_vm_count" {
  description = "Machines for the domain vector_operations."
  type        = number
  default     = 1
  validation {
    condition     = var.vector_ops_vm_count >= 0 && floor(var.vector_ops_vm_count) == var.vector_ops_vm_count
    error_message = "It is a whole number of machines."
  }
}

variable "performance_vm_count" {
  description = "Machines for the domain performance_metrics."
  type        = number
  default     = 1
  validation {
    condition     = var.performance_vm_count >= 0 && floor(var.performance_vm_count) == var.performance_vm_count
    error_message = "It is a whole number of machines."
  }
}

variable "safety_vm_count" {
  description = "Machines for the domain safety_validation."
  type        = number
  default     = 1
  validation {
    condition     = var.safety_vm_count >= 0 && floor(var.safety_vm_count) == var.safety_vm_count
    error_message = "It is a whole number of machines."
  }
}

variable "integration_vm_count" {
  description = "Machines for the domain integration_testing."
  type        = number
  default     = 1
  validation {
    condition     = var.integration_vm_count >= 0 && floor(var.integration_vm_count) == var.integration_vm_count
    error_message = "It is a whole number of machines."
  }
}

# What each machine has.

variable "memory" {
  description = "Memory of a machine: 256M, 4G."
  type        = string
  default     = "512M"
  validation {
    condition     = can(regex("^[1-9][0-9]*[MG]$", var.memory))
    error_message = "Memory is a number with M or G, such as 4096M."
  }
}

variable "cpus" {
  description = "CPUs of a machine."
  type        = number
  default     = 2
  validation {
    condition     = var.cpus >= 1 && var.cpus <= 64
    error_message = "A machine has 1 to 64 CPUs."
  }
}

variable "disk_gb" {
  description = "The scratch disk of a machine, in GiB."
  type        = number
  default     = 1
  validation {
    condition     = var.disk_gb >= 1
    error_message = "The scratch disk has at least 1 GiB."
  }
}

variable "disk_cache" {
  description = "QEMU's cache mode of disks."
  type        = string
  default     = "none"
  validation {
    condition     = contains(["none", "writeback", "writethrough", "directsync", "unsafe"], var.disk_cache)
    error_message = "It is one of none, writeback, writethrough, directsync, unsafe."
  }
}

variable "disk_io" {
  description = "How QEMU does I/O on disks; native needs disk_cache none or directsync."
  type        = string
  default     = "native"
  validation {
    condition     = contains(["native", "threads", "io_uring"], var.disk_io)
    error_message = "It is one of native, threads, io_uring."
  }
  validation {
    condition     = var.disk_io != "native" || contains(["none", "directsync"], var.disk_cache)
    error_message = "Native I/O needs disk_cache none or directsync."
  }
}

variable "enable_hugepages" {
  description = "Whether guests' memory comes from the host's huge pages."
  type        = bool
  default     = false
}

# Limits of the whole environment.

variable "max_total_memory_gb" {
  description = "Most memory of all machines together, in GiB."
  type        = number
  validation {
    condition     = local.total_memory_mib <= var.max_total_memory_gb * 1024
    error_message = "The machines would take ${local.total_memory_mib} MiB of memory, max_total_memory_gb allows ${var.max_total_memory_gb * 1024}."
  }
}

variable "max_total_cpus" {
  description = "Most CPUs of all machines together."
  type        = number
  validation {
    condition     = local.total_cpus <= var.max_total_cpus
    error_message = "The machines would take ${local.total_cpus} CPUs, max_total_cpus allows ${var.max_total_cpus}."
  }
}

variable "max_total_disk_gb" {
  description = "Most disk of all machines together, in GiB."
  type        = number
  validation {
    condition     = local.total_disk_gb <= var.max_total_disk_gb
    error_message = "The machines would take ${local.total_disk_gb} GiB of disk, max_total_disk_gb allows ${var.max_total_disk_gb}."
  }
}

# How tests run on them; the inventory hands these on to Ansible.

variable "test_timeout_minutes" {
  description = "How long the tests of a domain may take."
  type        = number
  default     = 30
}

variable "parallel_test_execution" {
  description = "Whether domains run side by side."
  type        = bool
  default     = true
}

variable "max_parallel_tests" {
  description = "How many domains run side by side."
  type        = number
  default     = 4
}

# Where everything lies. `vexlab infra` fills these from VEXFS_SSH_KEY_PATH, VEXFS_BASE_IMAGE_PATH, VEXFS_STORAGE_POOL and
# VEXFS_NETWORK_CIDR.

variable "ssh_key_path" {
  description = "The private key for ssh; its path goes into the inventory, the key nowhere."
  type        = string
  default     = "~/.ssh/vexfs_test_key"
}

variable "base_image_path" {
  description = "An image in qcow2 that machines boot from; empty: they boot kernel_path."
  type        = string
  default     = ""
  validation {
    condition     = var.base_image_path != "" || var.kernel_path != ""
    error_message = "A machine boots base_image_path (VEXFS_BASE_IMAGE_PATH) or kernel_path: give one."
  }
}

variable "storage_pool" {
  description = "The name of the pool for disks."
  type        = string
  default     = "default"
}

variable "storage_path" {
  description = "The folder of the pools."
  type        = string
}

variable "network_cidr" {
  description = "The addresses of the isolated network."
  type        = string
  default     = "192.168.100.0/24"
  validation {
    condition     = can(cidrhost(var.network_cidr, 1))
    error_message = "It is a network such as 192.168.100.0/24."
  }
}

variable "enable_network" {
  description = "Whether machines have a network device. Making a bridge needs root's libvirt; cases need no network."
  type        = bool
  default     = false
}

variable "kernel_path" {
  description = "A kernel's image to boot, as `vexlab kernels fetch` has them."
  type        = string
  default     = ""
}

variable "initrd_path" {
  description = "Its initial ramdisk."
  type        = string
  default     = ""
}

variable "cmdline" {
  description = "Its command line."
  type        = string
  default     = "console=ttyS0 no_timer_check"
}

variable "system_disks" {
  description = "Disks that all machines share read-only, by serial."
  type        = list(object({ serial = string, path = string }))
  default     = []
}

variable "domain_type" {
  description = "kvm, or qemu for emulation."
  type        = string
  default     = "kvm"
  validation {
    condition     = contains(["kvm", "qemu"], var.domain_type)
    error_message = "It is kvm or qemu."
  }
}

variable "libvirt_uri" {
  description = "qemu:///system or qemu:///session."
  type        = string
  default     = "qemu:///system"
}

variable "libvirt_socket" {
  description = "The daemon's socket, where it is not at its usual place."
  type        = string
  default     = ""
}

variable "enable_lxc" {
  description = "Whether containers for workers are described. Cases never run in them: they share the host's kernel."
  type        = bool
  default     = false
}

variable "lxc_memory_mib" {
  description = "Memory of each container in MiB; a worker's machines take theirs of it."
  type        = number
  default     = 1024
}

variable "lxc_bridge" {
  description = "The host's bridge for containers; empty: they have no network."
  type        = string
  default     = ""
}

variable "lxc_network_cidr" {
  description = "That bridge's network, of which containers have addresses from the 200th on; empty: DHCP gives them."
  type        = string
  default     = ""
}

variable "lxc_mounts" {
  description = "Folders of the host's that containers have, too: vexlab's installation, its cache."
  type        = list(object({ path = string, writable = bool }))
  default     = []
}

variable "enable_monitoring" {
  description = "Whether Prometheus and Alertmanager are configured for this environment."
  type        = bool
  default     = true
}

variable "prometheus_targets" {
  description = "Where `vexlab serve` and node exporters answer."
  type        = list(string)
  default     = ["127.0.0.1:8000"]
}
