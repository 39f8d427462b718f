#!/bin/bash
# Reads FILES, patterns, without a rest, while a filesystem is mounted and unmounted: files that vanish under a reader.
# Usage: read_statistics.sh FILES DEVICE FOLDER MOUNT-OPTION…

for _ in 1 2 3; do
    while [ ! -e /tmp/enough ]; do cat $1 >/dev/null 2>&1; done &
done
for cycle in $(seq 40); do
    mount "${@:4}" "$2" "$3" || { echo "mount $cycle failed"; break; }
    umount "$3" || { echo "unmount $cycle failed"; break; }
done
touch /tmp/enough
wait
