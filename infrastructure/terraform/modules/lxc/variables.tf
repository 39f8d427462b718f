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
