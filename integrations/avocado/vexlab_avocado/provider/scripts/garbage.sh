#!/bin/sh
# What is no filesystem is refused, by mount and without harm: zeros, random bytes, a superblock cut in half.
. /vexlab/vt/lib.sh
make_mounted
unmount
for source in /dev/zero /dev/urandom; do
	dd if=$source of=$DEVICE bs=1M count=4 2>/dev/null
	if mount -t "$FSTYPE" $DEVICE $MNT 2>/dev/null; then die "bytes of $source were mounted"; fi
done
with "$MKFS" || die "mkfs failed"
dd if=/dev/zero of=$DEVICE bs=512 count=3 conv=notrunc 2>/dev/null
mount -t "$FSTYPE" $DEVICE $MNT 2>/dev/null && unmount
unload
