output "folder" {
  description = "The folder of the configuration."
  value       = var.path
}
