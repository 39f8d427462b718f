#!/bin/sh
# The kernel stacks (proc(5)) of a process and of its children, each under a heading of ours. A task that runs is left
# to the backtrace of its CPU: the kernel unwinds it from where it last slept, into frames that are gone.
# Usage: task_stacks.sh PID

for pid in "$1" $(pgrep -P "$1"); do
    grep -q "^State:[[:space:]]*R" "/proc/$pid/status" && continue
    read -r name <"/proc/$pid/comm" && echo "== stack of $pid ($name)" && cat "/proc/$pid/stack"
done
