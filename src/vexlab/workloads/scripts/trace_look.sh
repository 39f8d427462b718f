#!/bin/sh
# Tells what can be probed: FUNCTIONS is a pattern of functions of the kernel's image; with FILE, which takes a second,
# where in a file its operations are.
# Usage: trace_look.sh MODULE FUNCTIONS [FILE]

grep -E "[tT] ($2)$|[tT] .*\[$1\]$|[tT] ($2)[[:space:]]+\[" /proc/kallsyms
echo "== modules"
cat /proc/modules
echo "== tracepoints"
cd /sys/kernel/tracing/events && ls -d lock/contention_* kmem/k* block/block_rq_* sched/sched_switch 2>/dev/null
echo "== devices"
for block in /sys/block/vd*; do
    read -r serial <"$block/serial" || serial=
    case $serial in root|modules) ;; *) cat "$block/dev" ;; esac
done
echo "== file"
[ -z "$3" ] || bpftool btf dump file /sys/kernel/btf/vmlinux | grep -m1 -A40 "STRUCT 'file' " | grep -m1 "'f_op'"
:
