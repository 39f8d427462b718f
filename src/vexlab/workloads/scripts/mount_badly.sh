#!/bin/bash
# Mounts that fail in several ways, then sound ones with content.
# Usage: mount_badly.sh DEVICE FOLDER TYPE MOUNT-OPTION…

. /vexlab/lib/capable.sh
device=$1 point=$2 type=$3; shift 3
mounted() { echo "$1 was mounted" >&2; exit 1; }
for image in zeros noise; do
    mount -i -t "$type" -o loop "/tmp/images/$image" /mnt/none 2>/dev/null && mounted "an image of $image"
done
# Whether a device may lack its end is what truncated_device is about.
if mount -i -t "$type" -o loop /tmp/images/half /mnt/none 2>/dev/null; then umount /mnt/none || exit; fi
can unknown_options && mount -i -t "$type" -o vexlab_no_such_option "$device" /mnt/none 2>/dev/null &&
    mounted "a device with an unknown option"
for n in 1 2 3; do
    mount -i -t "$type" "$@" "$device" "$point" || exit
    echo "$n" >"$point"/file && ls -lR "$point" >/dev/null || exit
    if can mkdir rmdir chmod; then cp -r "$point"/tree "$point"/copy && rm -r "$point"/copy || exit
    else cp "$point"/file "$point"/copy && rm "$point"/copy || exit; fi
    umount "$point" || exit
done
