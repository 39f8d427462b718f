#!/bin/sh
# Removes return probes and what they were set with.
# Usage: remove_returns.sh GROUP

cd /sys/kernel/tracing || exit 0
for event in events/$1 events/raw_syscalls/sys_exit; do
    [ -d "$event" ] && echo 0 >"$event/enable"
done
[ -d events/raw_syscalls/sys_exit ] && echo 0 >events/raw_syscalls/sys_exit/filter
[ -d events/$1 ] && for event in events/$1/*/; do
    name=${event%/}; echo "-:$1/${name##*/}" >>kprobe_events
done
: >trace; echo 1408 >buffer_size_kb; echo 1 >tracing_on; :
