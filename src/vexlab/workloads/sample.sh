# What the filesystem under test keeps of the guest's memory, for scripts in the guest: . /vexlab/lib/sample.sh

sample() { # prints a sample: caches dropped, empty slabs given back, then the tables (observe/memory.py reads them)
    sync; echo 3 >/proc/sys/vm/drop_caches
    for shrink in /sys/kernel/slab/*/shrink; do echo 1 >"$shrink" 2>/dev/null; done
    echo "== vexlab sample"; grep -E "nr_free_pages|^ +count:" /proc/zoneinfo; cat /proc/slabinfo
}
