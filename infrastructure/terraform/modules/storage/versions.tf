terraform {
  required_providers {
    vexlab = { source = "terraform.local/vexlab/vexlab" }
  }
}
