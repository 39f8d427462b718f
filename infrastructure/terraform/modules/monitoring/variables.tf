variable "path" {
  description = "The folder of the configuration."
  type        = string
}

variable "rules" {
  description = "The file of alert rules."
  type        = string
}

variable "targets" {
  description = "What Prometheus asks."
  type        = list(string)
}

variable "alertmanager" {
  description = "Where Alertmanager listens."
  type        = string
  default     = "127.0.0.1:9093"
}

variable "labels" {
  description = "Labels of everything that is measured."
  type        = map(string)
}
