#!/bin/sh
# A full filesystem says so, keeps what was there, and takes files again once there is room.
. /vexlab/vt/lib.sh
dd if=/dev/zero of=/tmp/small bs=1M count=24 2>/dev/null
make_mounted
unmount
modprobe loop || cannot "the guest's kernel has no loop devices"
loop=$(losetup -f) && losetup "$loop" /tmp/small || cannot "there is no loop device in the guest"
DEVICE=$loop
with "$MKFS" || die "mkfs of a small disk failed"
mount -t "$FSTYPE" $DEVICE $MNT || die "a small disk does not mount"
echo kept >$MNT/kept
sync
if dd if=/dev/zero of=$MNT/big bs=64k count=1000 2>/tmp/said; then die "64 MB fit into 24"; fi
grep -q "No space left" /tmp/said || die "another error than ENOSPC: $(cat /tmp/said)"
[ "$(cat $MNT/kept)" = kept ] || die "a file was lost"
rm $MNT/big && sync && echo again >$MNT/again || die "it takes no file once there is room"
unmount
check
losetup -d "$loop"
unload
