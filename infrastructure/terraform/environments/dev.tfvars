# One developer's machine: one machine of a domain at a time is enough.
environment = "dev"

kernel_module_vm_count  = 1
filesystem_ops_vm_count = 1
vector_ops_vm_count     = 0
performance_vm_count    = 0
safety_vm_count         = 0
integration_vm_count    = 0

memory = "512M"
cpus   = 2

max_total_memory_gb = 4
max_total_cpus      = 4
max_total_disk_gb   = 20

test_timeout_minutes    = 30
parallel_test_execution = false
max_parallel_tests      = 1
enable_monitoring       = false
