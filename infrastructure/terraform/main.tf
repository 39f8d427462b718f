locals {
  # The domains of vexlab, and how many machines each has.
  counts = {
    kernel_module         = var.kernel_module_vm_count
    filesystem_operations = var.filesystem_ops_vm_count
    vector_operations     = var.vector_ops_vm_count
    performance_metrics   = var.performance_vm_count
    safety_validation     = var.safety_vm_count
    integration_testing   = var.integration_vm_count
  }
  machines         = sum(values(local.counts))
  memory_number    = tonumber(regex("^[0-9]+", var.memory))
  memory_mib       = endswith(var.memory, "G") ? local.memory_number * 1024 : local.memory_number
  total_memory_mib = local.machines * local.memory_mib
  total_cpus       = local.machines * var.cpus
  total_disk_gb    = local.machines * var.disk_gb
  prefix           = "vexlab-${var.environment}"
}

module "storage" {
  source       = "./modules/storage"
  prefix       = local.prefix
  storage_pool = var.storage_pool
  path         = var.storage_path
}

module "network" {
  source = "./modules/network"
  count  = var.enable_network ? 1 : 0
  prefix = local.prefix
  cidr   = var.network_cidr
}

module "microvm" {
  source        = "./modules/microvm"
  for_each      = local.counts
  prefix        = local.prefix
  domain        = each.key
  vm_count      = each.value
  memory_mib    = local.memory_mib
  cpus          = var.cpus
  disk_mib      = var.disk_gb * 1024
  disk_cache    = var.disk_cache
  disk_io       = var.disk_io
  hugepages     = var.enable_hugepages
  domain_type   = var.domain_type
  base_image    = var.base_image_path
  kernel        = var.kernel_path
  initrd        = var.initrd_path
  cmdline       = var.cmdline
  system_disks  = var.system_disks
  pool          = module.storage.images_pool
  artifacts     = module.storage.artifacts_path
  network       = var.enable_network ? module.network[0].name : ""
  first_address = index(keys(local.counts), each.key) * 32 + 10
  network_cidr  = var.network_cidr
}

module "lxc" {
  source       = "./modules/lxc"
  count        = var.enable_lxc ? 1 : 0
  prefix       = local.prefix
  path         = var.storage_path
  containers   = ["worker"]
  memory_mib   = var.lxc_memory_mib
  bridge       = var.lxc_bridge
  network_cidr = var.lxc_network_cidr
  mounts       = var.lxc_mounts
}

module "monitoring" {
  source  = "./modules/monitoring"
  count   = var.enable_monitoring ? 1 : 0
  path    = "${var.storage_path}/${local.prefix}-monitoring"
  rules   = abspath("${path.root}/../monitoring/rules.yml")
  targets = var.prometheus_targets
  labels  = { environment = var.environment }
}
