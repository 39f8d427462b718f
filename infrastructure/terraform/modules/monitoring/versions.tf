terraform {
  required_providers {
    vexlab = { source = "vexlab/vexlab" }
  }
}
