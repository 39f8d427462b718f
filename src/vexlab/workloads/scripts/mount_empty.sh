#!/bin/sh
# Nothing but the mount and the unmount: what they leave behind is nobody else's.
# Usage: mount_empty.sh DEVICE FOLDER TYPE MOUNT-OPTION…

device=$1 point=$2 type=$3; shift 3
for _ in 1 2 3 4 5; do
    mount -i -t "$type" "$@" "$device" "$point" && umount "$point" || exit
done
