variable "prefix" {
  description = "Begins the containers' names."
  type        = string
}

variable "path" {
  description = "The folder that holds them."
  type        = string
}

variable "containers" {
  description = "Their names."
  type        = list(string)
}

variable "memory_mib" {
  description = "Memory of each in MiB."
  type        = number
  default     = 1024
}

variable "bridge" {
  description = "The host's bridge to which each is connected; empty: they have no network."
  type        = string
  default     = ""
}

variable "network_cidr" {
  description = "The bridge's network, of which each has an address from the 200th on; empty: DHCP gives it."
  type        = string
  default     = ""
}

variable "mounts" {
  description = "Folders of the host's that each has at the same place, such as vexlab's installation and its cache."
  type        = list(object({ path = string, writable = bool }))
  default     = []
}
