# Disks of machines, and what tests leave.
resource "vexlab_pool" "images" {
  name = "${var.prefix}-${var.storage_pool}"
  path = "${var.path}/${var.prefix}-images"
}

resource "vexlab_pool" "artifacts" {
  name = "${var.prefix}-artifacts"
  path = "${var.path}/${var.prefix}-artifacts"
}
