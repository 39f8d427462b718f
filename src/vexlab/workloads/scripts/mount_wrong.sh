#!/bin/bash
# What has no filesystem must not be mounted.
# Usage: mount_wrong.sh TYPE DEVICE

mkdir -p /mnt/none
mount -i -t "$1" "$2" /mnt/none 2>/dev/null && { echo "a device without a filesystem was mounted"; exit 1; }
mount -i -t "$1" /dev/no-such-device /mnt/none 2>/dev/null && { echo "a missing device was mounted"; exit 1; }
mount -i -t "$1" none /mnt/none 2>/dev/null && { echo "no device at all was mounted"; exit 1; }
exit 0
