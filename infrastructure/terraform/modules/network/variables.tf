variable "prefix" {
  description = "Begins the network's name."
  type        = string
}

variable "cidr" {
  description = "Its addresses in IPv4; the host has the first."
  type        = string
}

variable "active" {
  description = "Whether it is up."
  type        = bool
  default     = true
}
