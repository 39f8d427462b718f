#!/bin/sh
# Removes return probes and what they were set with.
# Usage: remove_returns.sh GROUP

cd /sys/kernel/tracing || exit 0
if [ -d "instances/$1" ]; then
    echo 0 >"instances/$1/events/$1_calls/enable"
    rmdir "instances/$1"
fi
for event in events/$1 events/raw_syscalls/sys_exit; do
    [ -d "$event" ] && echo 0 >"$event/enable"
done
[ -d events/raw_syscalls/sys_exit ] && echo 0 >events/raw_syscalls/sys_exit/filter
for group in "$1" "$1_calls"; do
    [ -d "events/$group" ] && for event in events/$group/*/; do
        name=${event%/}; echo "-:$group/${name##*/}" >>kprobe_events
    done
done
: >trace; echo 1408 >buffer_size_kb; echo 1 >tracing_on; :
