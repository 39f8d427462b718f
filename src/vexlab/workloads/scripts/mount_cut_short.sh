#!/bin/bash
# Mounts a device that has lost its end; prints how much was missing where it mounts all the same.
# Usage: mount_cut_short.sh DEVICE TYPE OPTIONS FOLDER

modprobe loop && size=$(blockdev --getsize64 "$1") || exit
for missing in $((size / 2)) $((size / 10)); do
    for how in ro rw; do
        loop=$(losetup --sizelimit $((size - missing)) --find --show "$1") || exit
        if mount -i -t "$2" -o "$3",$how "$loop" "$4" 2>/dev/null; then
            echo "$how without the last $missing bytes"
            umount "$4" || exit
        fi
        losetup -d "$loop" || exit
    done
done
