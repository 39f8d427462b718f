#!/bin/bash
# Turns over a bit of the image (flip_bit.py, beside this program), meets the error, and prints what was counted then,
# and after the next mount.
# Usage: count_errors.sh PRISTINE WORK OFFSET DEVICE FOLDER TYPE OPTIONS COUNT

pristine=$1 work=$2 offset=$3 device=$4 point=$5 type=$6 options=$7 count=$8
cp "$pristine" "$work" && python3 "${0%/*}/flip_bit.py" "$work" "$offset" && blockdev --flushbufs "$device" || exit
mkdir -p "$point" && sum=$(cksum <"$work")
if mount -i -t "$type" -o "$options,ro" "$device" "$point"; then
    find "$point" -exec stat {} + >/dev/null 2>&1
    umount "$point" && blockdev --flushbufs "$device" || exit
    [ "$(cksum <"$work")" = "$sum" ] || { echo "mounted read-only, it is written to"; exit; }
fi
mount -i -t "$type" -o "$options" "$device" "$point" || { echo refused; exit; }
find "$point" -exec stat {} + >/dev/null 2>&1
errors=$(cat "$count") && grep " $point .* ro[, ]" /proc/mounts >/tmp/read-only && [ "$errors" != 0 ] &&
    mount -i -o remount,rw "$point" 2>/dev/null && ! touch "$point" && echo "made writable, it writes nothing" && exit
echo "$errors" && umount "$point" &&
    mount -i -t "$type" -o "$options" "$device" "$point" && cat "$count" && umount "$point"
