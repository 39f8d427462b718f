# A team's lab.
environment = "test"

kernel_module_vm_count  = 2
filesystem_ops_vm_count = 2
vector_ops_vm_count     = 1
performance_vm_count    = 1
safety_vm_count         = 2
integration_vm_count    = 1

memory = "1024M"
cpus   = 1

max_total_memory_gb = 16
max_total_cpus      = 16
max_total_disk_gb   = 100

test_timeout_minutes    = 30
parallel_test_execution = true
max_parallel_tests      = 4
