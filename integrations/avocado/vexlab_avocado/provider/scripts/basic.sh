#!/bin/sh
# What is written is there after the caches were dropped, and after the filesystem was mounted anew.
. /vexlab/vt/lib.sh
make_mounted
dd if=/dev/urandom of=/tmp/data bs=64k count=32 2>/dev/null
cp /tmp/data $MNT/data && mkdir $MNT/d && echo hello >$MNT/d/hello || die "files cannot be written"
sync
echo 3 >/proc/sys/vm/drop_caches
cmp /tmp/data $MNT/data || die "other bytes after the caches were dropped"
unmount
check
mount -t "$FSTYPE" $DEVICE $MNT || die "it does not mount again"
cmp /tmp/data $MNT/data || die "other bytes after it was mounted anew"
[ "$(cat $MNT/d/hello)" = hello ] || die "a small file changed"
unmount
unload
