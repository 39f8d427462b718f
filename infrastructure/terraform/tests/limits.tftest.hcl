# What is planned, without a libvirt: the provider is mocked.
mock_provider "vexlab" {}

variables {
  environment         = "check"
  storage_path        = "/nowhere"
  kernel_path         = "/nowhere/vmlinuz"
  max_total_memory_gb = 16
  max_total_cpus      = 16
  max_total_disk_gb   = 100
  memory              = "1024M"
  cpus                = 1
}

run "machines_of_each_domain" {
  command = plan
  variables {
    kernel_module_vm_count = 2
    vector_ops_vm_count    = 0
  }
  assert {
    condition     = output.totals.machines == 6
    error_message = "2 + 1 + 0 + 1 + 1 + 1 machines are planned"
  }
  assert {
    condition     = output.totals.memory_mib == 6 * 1024
    error_message = "memory is counted in MiB"
  }
  assert {
    condition     = module.microvm["kernel_module"].machines["vexlab-check-kernel-module-2"].domain == "kernel_module"
    error_message = "machines bear the environment's and the domain's name"
  }
  assert {
    condition     = module.microvm["kernel_module"].machines["vexlab-check-kernel-module-2"].address == ""
    error_message = "without a network no machine has an address"
  }
}

run "too_much_memory" {
  command = plan
  variables {
    max_total_memory_gb = 5
  }
  expect_failures = [var.max_total_memory_gb]
}

run "too_many_cpus" {
  command = plan
  variables {
    cpus = 3
  }
  expect_failures = [var.max_total_cpus]
}

run "too_much_disk" {
  command = plan
  variables {
    disk_gb = 20
  }
  expect_failures = [var.max_total_disk_gb]
}

run "half_a_machine" {
  command = plan
  variables {
    safety_vm_count = 0.5
  }
  expect_failures = [var.safety_vm_count]
}

run "nothing_to_boot" {
  command = plan
  variables {
    kernel_path = ""
  }
  expect_failures = [var.base_image_path]
}

run "native_io_needs_no_cache" {
  command = plan
  variables {
    disk_cache = "writeback"
  }
  expect_failures = [var.disk_io]
}
