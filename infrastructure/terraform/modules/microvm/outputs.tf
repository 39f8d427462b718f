output "machines" {
  description = "The machines by name; an address only where there is a network."
  value = {
    for name, number in local.numbers : name => {
      domain  = var.domain
      address = var.network == "" ? "" : cidrhost(var.network_cidr, var.first_address + number)
      uuid    = vexlab_domain.machine[name].uuid
      console = vexlab_domain.machine[name].console_log
    }
  }
}
