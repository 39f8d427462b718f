#!/bin/bash
# The same error as in count_errors.sh, where it must end the machine.
# Usage: meet_panic.sh PRISTINE WORK OFFSET DEVICE FOLDER TYPE OPTIONS

pristine=$1 work=$2 offset=$3 device=$4 point=$5 type=$6 options=$7
cp "$pristine" "$work" && python3 "${0%/*}/flip_bit.py" "$work" "$offset" && blockdev --flushbufs "$device" &&
    mkdir -p "$point" || exit
mount -i -t "$type" -o "$options" "$device" "$point" 2>/dev/null || { echo refused; exit; }
find "$point" -exec stat {} + >/dev/null 2>&1
umount "$point" && echo alive
