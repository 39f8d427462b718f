#!/bin/bash
# Makes an image of SIZE MiB with one of everything (fill_image.py, beside this program), and leaves a copy of it;
# prints the loop device over WORK. HOW is frozen or cut; MKFS is the command that makes the filesystem.
# Usage: make_image.sh SIZE WORK PRISTINE FOLDER COLLECTION HOW TYPE MOUNT-OPTION…

set -e
size=$1 work=$2 pristine=$3 point=$4 collection=$5 how=$6 type=$7; shift 7
modprobe loop
mkdir -p "${work%/*}" "$point" && mount -t tmpfs -o size=75% none "${work%/*}"
truncate -s "${size}M" "$work"
eval "$MKFS"
loop=$(losetup --find --show "$work")
mount -i -t "$type" "$@" "$loop" "$point"
python3 "${0%/*}/fill_image.py" "$point" "$collection" "$how" "$work" "$pristine"
umount "$point"
[ -e "$pristine" ] || { sync; cp --sparse=always "$work" "$pristine"; }
echo on >/proc/sys/kernel/printk_devkmsg
echo "$loop"
