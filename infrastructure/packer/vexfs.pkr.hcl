# The development image: a Debian with what builds and watches kernel modules, and the source mounted over 9p.
#
# Machines of vexlab's own need no Packer: `vexlab vm` builds its guests from recipes without root (development.toml is the
# same set of packages). This template is for labs that boot full installations.

variable "base_image" {
  type        = string
  description = "A Debian cloud image in qcow2."
}

variable "base_checksum" {
  type        = string
  description = "Its checksum, such as sha256:0123…; there is no default, so that nobody builds on what he did not check."
}

variable "source_path" {
  type        = string
  description = "The module's source, mounted in the machine."
}

variable "ssh_key_path" {
  type        = string
  description = "The private key that the base image lets in."
}

variable "accelerator" {
  type    = string
  default = "kvm"
}

variable "output" {
  type    = string
  default = "output-vexfs-dev"
}

source "qemu" "vexfs-dev" {
  iso_url              = var.base_image
  iso_checksum         = var.base_checksum
  disk_image           = true
  memory               = 4096
  cpus                 = 4
  disk_size            = "20G"
  format               = "qcow2"
  accelerator          = var.accelerator
  net_device           = "virtio-net"
  disk_interface       = "virtio"
  headless             = true
  output_directory     = var.output
  vm_name              = "packer-vexfs-dev"
  ssh_username         = "debian"
  ssh_private_key_file = var.ssh_key_path
  ssh_timeout          = "20m"
  shutdown_command     = "sudo poweroff"
  qemuargs = [
    ["-virtfs", "local,path=${var.source_path},mount_tag=vexfs-src,security_model=none,readonly=on,id=vexfs-src"],
  ]
}

build {
  sources = ["source.qemu.vexfs-dev"]

  provisioner "shell" {
    execute_command = "sudo sh -eu '{{ .Path }}'"
    script          = "${path.root}/provision.sh"
  }
}
