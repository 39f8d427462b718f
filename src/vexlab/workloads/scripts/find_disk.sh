#!/bin/sh
# Prints the device node of the virtio disk that has a serial.
# Usage: find_disk.sh SERIAL

for block in /sys/block/vd*; do
    read -r serial <"$block/serial"
    [ "$serial" = "$1" ] && [ -b "/dev/${block##*/}" ] && echo "/dev/${block##*/}" && exit 0
done
exit 1
