output "name" {
  description = "The network's name."
  value       = vexlab_network.isolated.name
}

output "bridge" {
  description = "The host's bridge."
  value       = vexlab_network.isolated.bridge
}
