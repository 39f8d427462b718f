#!/bin/sh
# Prints "cycle N START LOADED UNLOADED" in seconds since boot for each of CYCLES cycles of LOAD and unload of NAME,
# which registers FSTYPE; stops at the first step that fails.

now() { read -r up _ </proc/uptime; echo "$up"; }
for n in $(seq "$CYCLES"); do
    a=$(now); $LOAD || exit
    grep -q "^$NAME " /proc/modules || { echo "not in /proc/modules after load $n" >&2; exit 2; }
    grep -qw "$FSTYPE" /proc/filesystems || { echo "not in /proc/filesystems after load $n" >&2; exit 3; }
    b=$(now); rmmod "$NAME" || exit
    c=$(now)
    grep -q "^$NAME " /proc/modules && { echo "still in /proc/modules after unload $n" >&2; exit 5; }
    echo "cycle $n $a $b $c"
done
exit 0
