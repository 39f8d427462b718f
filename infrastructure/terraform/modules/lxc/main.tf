# Containers for workers, a database, monitoring: never for cases, since a container shares the host's kernel. A worker's
# cases run in virtual machines inside of it.
# `lxc-execute -n NAME -f CONFIG -- COMMAND` starts one; who may do that is the host's business, so it is not done here.
locals {
  prefix_length = var.network_cidr == "" ? 0 : tonumber(split("/", var.network_cidr)[1])
  # A bridge without addresses has a server of DHCP; without a bridge there is no network.
  network = {
    for index, name in var.containers : name => var.bridge == "" ? ["lxc.net.0.type = empty"] : concat(
      ["lxc.net.0.type = veth", "lxc.net.0.link = ${var.bridge}", "lxc.net.0.flags = up"],
      var.network_cidr == "" ? [] : [
        "lxc.net.0.ipv4.address = ${cidrhost(var.network_cidr, 200 + index)}/${local.prefix_length}"
      ],
    )
  }
  mounts = [
    for mount in var.mounts :
    "lxc.mount.entry = ${mount.path} ${trimprefix(mount.path, "/")} none bind,${mount.writable ? "rw" : "ro"},create=dir 0 0"
  ]
}

resource "vexlab_file" "config" {
  for_each = toset(var.containers)
  path     = "${var.path}/${var.prefix}-lxc/${each.key}/config"
  content = join("\n", concat(
    [
      "lxc.uts.name = ${var.prefix}-${each.key}",
      "lxc.rootfs.path = dir:${var.path}/${var.prefix}-lxc/${each.key}/rootfs",
      "lxc.apparmor.profile = unconfined",
      "lxc.mount.auto = proc:mixed sys:ro",
      # Of the two the one holds that the host's kernel knows; LXC leaves the other out.
      "lxc.cgroup2.memory.max = ${var.memory_mib * 1024 * 1024}",
      "lxc.cgroup.memory.limit_in_bytes = ${var.memory_mib * 1024 * 1024}",
    ],
    local.network[each.key],
    local.mounts,
    [""],
  ))
}
