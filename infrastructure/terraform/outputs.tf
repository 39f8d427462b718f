# What an inventory of Ansible is made from (`vexlab infra`): nothing in it is a secret.
output "machines" {
  description = "Machines by name, with their domain and address."
  value       = merge([for each in module.microvm : each.machines]...)
}

output "tests" {
  description = "How tests run, for Ansible."
  value = {
    environment        = var.environment
    ssh_key_path       = var.ssh_key_path
    timeout_minutes    = var.test_timeout_minutes
    parallel           = var.parallel_test_execution
    max_parallel_tests = var.max_parallel_tests
    network            = var.enable_network
  }
}

output "totals" {
  description = "What all machines take together."
  value = {
    machines   = local.machines
    memory_mib = local.total_memory_mib
    cpus       = local.total_cpus
    disk_gb    = local.total_disk_gb
  }
}

output "monitoring" {
  description = "Where Prometheus and Alertmanager find their configuration; empty where there is none."
  value       = var.enable_monitoring ? module.monitoring[0].folder : ""
}
