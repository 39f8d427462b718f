# Machines for one domain of tests. Each has a scratch disk of its own; what they share they cannot write.
locals {
  numbers = { for number in range(var.vm_count) : format("%s-%s-%d", var.prefix, replace(var.domain, "_", "-"), number + 1) => number }
  shared = [for disk in var.system_disks : {
    path = disk.path, format = "raw", serial = disk.serial, cache = var.disk_cache, io = var.disk_io, read_only = true
  }]
}

resource "vexlab_volume" "root" {
  for_each     = var.base_image == "" ? {} : local.numbers
  name         = "${each.key}-root.qcow2"
  pool         = var.pool
  size_mib     = var.disk_mib
  format       = "qcow2"
  backing_path = var.base_image
}

resource "vexlab_volume" "scratch" {
  for_each = local.numbers
  name     = "${each.key}-scratch.qcow2"
  pool     = var.pool
  size_mib = var.disk_mib
  format   = "qcow2"
}

resource "vexlab_domain" "machine" {
  for_each    = local.numbers
  name        = each.key
  type        = var.domain_type
  memory_mib  = var.memory_mib
  cpus        = var.cpus
  kernel      = var.base_image == "" ? var.kernel : null
  initrd      = var.base_image == "" && var.initrd != "" ? var.initrd : null
  cmdline     = var.base_image == "" ? var.cmdline : null
  hugepages   = var.hugepages
  network     = var.network == "" ? null : var.network
  console_log = "${var.artifacts}/${each.key}.console.log"
  running     = true
  disks = concat(
    var.base_image == "" ? local.shared : [{
      path  = vexlab_volume.root[each.key].path, format = "qcow2", serial = "root",
      cache = var.disk_cache, io = var.disk_io, read_only = false
    }],
    [{
      path  = vexlab_volume.scratch[each.key].path, format = "qcow2", serial = "scratch",
      cache = var.disk_cache, io = var.disk_io, read_only = false
    }]
  )
}
