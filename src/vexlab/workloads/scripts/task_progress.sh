#!/bin/sh
# What a task has done so far: ticks in user space, page faults, calls of read and write (proc(5)); and the system call
# in which it sleeps. A kernel thread makes none of these: how often it was switched to. A line a task: pid, then words.
# Usage: task_progress.sh PID…

for pid; do
    read -r line <"/proc/$pid/stat" || continue
    set -- ${line##*) }
    user="$8 ${10} ${12}"; set --
    if [ -s "/proc/$pid/cmdline" ]; then
        did="$user $(grep -E "^sysc" "/proc/$pid/io") $(cat "/proc/$pid/syscall")"
    else
        did=$(grep ctxt_switches "/proc/$pid/status")
    fi
    echo "$pid" $did
done
