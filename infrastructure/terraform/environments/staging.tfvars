# As test, with room for measurements.
environment = "staging"

kernel_module_vm_count  = 2
filesystem_ops_vm_count = 2
vector_ops_vm_count     = 2
performance_vm_count    = 2
safety_vm_count         = 2
integration_vm_count    = 2

memory           = "4096M"
cpus             = 4
disk_gb          = 10
disk_cache       = "none"
disk_io          = "native"
enable_hugepages = true

max_total_memory_gb = 64
max_total_cpus      = 48
max_total_disk_gb   = 200

test_timeout_minutes    = 60
parallel_test_execution = true
max_parallel_tests      = 8
