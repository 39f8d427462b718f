# An isolated network: guests reach each other and the host, nothing else.
resource "vexlab_network" "isolated" {
  name   = "${var.prefix}-net"
  cidr   = var.cidr
  bridge = "vl-${substr(sha256(var.prefix), 0, 8)}" # the kernel takes 15 characters
  active = var.active
}
