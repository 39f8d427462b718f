# Containers for workers, a database, monitoring: never for cases, since a container shares the host's kernel.
# `lxc-start -n NAME -f CONFIG` starts one; who may do that is the host's business, so it is not done here.
resource "vexlab_file" "config" {
  for_each = toset(var.containers)
  path     = "${var.path}/${var.prefix}-lxc/${each.key}/config"
  content  = <<-EOT
    lxc.uts.name = ${var.prefix}-${each.key}
    lxc.rootfs.path = dir:${var.path}/${var.prefix}-lxc/${each.key}/rootfs
    lxc.net.0.type = empty
    lxc.apparmor.profile = unconfined
    lxc.cgroup2.memory.max = ${var.memory_mib * 1024 * 1024}
  EOT
}
