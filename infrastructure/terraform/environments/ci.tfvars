# A runner without KVM: small machines under emulation.
environment = "ci"

kernel_module_vm_count  = 1
filesystem_ops_vm_count = 1
vector_ops_vm_count     = 0
performance_vm_count    = 0
safety_vm_count         = 0
integration_vm_count    = 0

memory      = "256M"
cpus        = 1
domain_type = "qemu"
disk_cache  = "unsafe"
disk_io     = "threads"

max_total_memory_gb = 2
max_total_cpus      = 2
max_total_disk_gb   = 10

test_timeout_minutes    = 30
parallel_test_execution = false
max_parallel_tests      = 1
