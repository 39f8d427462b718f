variable "prefix" {
  description = "Begins the names of the pools."
  type        = string
}

variable "storage_pool" {
  description = "The name of the pool for disks, after the prefix."
  type        = string
}

variable "path" {
  description = "The folder that holds the pools."
  type        = string
}
