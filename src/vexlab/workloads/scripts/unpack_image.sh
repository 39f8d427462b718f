#!/bin/bash
# The image from where it is kept, twice: whole, and to be damaged; prints the device over the second.
# Usage: unpack_image.sh FOLDER POINT PACKED PRISTINE WORK

set -e
modprobe loop
mkdir -p "$1" "$2" && mount -t tmpfs -o size=75% none "$1"
xz -dc "$3" >"$1/whole" && rm "$3"
cp --sparse=always "$1/whole" "$4" && cp --sparse=always "$1/whole" "$5" && rm "$1/whole"
echo on >/proc/sys/kernel/printk_devkmsg
losetup --find --show "$5"
