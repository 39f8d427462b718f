terraform {
  required_version = ">= 1.9"
  required_providers {
    vexlab = {
      source  = "terraform.local/vexlab/vexlab"
      version = "~> 0.1"
    }
  }
  # `vexlab infra` gives the path, a state for each environment. The local backend locks the state by fcntl(2), a lock
  # that ends with its process: an apply that was killed leaves none behind.
  backend "local" {}
}

provider "vexlab" {
  uri    = var.libvirt_uri
  socket = var.libvirt_socket
}
