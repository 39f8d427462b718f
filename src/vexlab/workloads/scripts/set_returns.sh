#!/bin/sh
# Sets return probes for an error on the functions of a module that a FILE names, a line each, and, where arguments to be
# fetched stand behind a function's name, a probe on its entry, whose events go to a buffer of their own: calls are many
# and must not push out what returned the error. Functions that cannot be probed are counted: what runs in the probes'
# own machinery is on the kernel's list of what must not be. A line of its own makes the numbers of events those of
# functions, whatever is left out.
# Usage: set_returns.sh GROUP ERROR MODULE FILE

cd /sys/kernel/tracing || exit
echo 0 >tracing_on; : >trace; echo 4096 >buffer_size_kb
number=0; missing=0
while read -r function arguments; do
    echo "r256:$1/r$number $3:$function ret=\$retval:s32" >>kprobe_events 2>/dev/null || missing=$((missing + 1))
    [ -n "$arguments" ] && echo "p:$1_calls/e$number $3:$function $arguments" >>kprobe_events 2>/dev/null
    number=$((number + 1))
done <"$4"
for event in events/$1/r*/; do echo "ret == -$2" >"$event/filter"; done
echo 1 >events/$1/enable
if [ -d events/raw_syscalls/sys_exit ]; then
    echo "ret == -$2" >events/raw_syscalls/sys_exit/filter
    echo 1 >events/raw_syscalls/sys_exit/enable
fi
if [ -d "events/$1_calls" ] && mkdir "instances/$1" 2>/dev/null; then
    echo 4096 >"instances/$1/buffer_size_kb"
    echo 1 >"instances/$1/events/$1_calls/enable"
fi
echo 1 >tracing_on
echo "missing $missing of $number"
