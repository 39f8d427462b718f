#!/bin/sh
# The module does not go while it is in use, is not loaded twice, and unmount waits for whoever holds a file.
. /vexlab/vt/lib.sh
make_mounted
if rmmod "$MODULE" 2>/dev/null; then die "the module went while it was mounted"; fi
if [ -e "/vexlab/$MODULE.ko" ] && insmod "/vexlab/$MODULE.ko" 2>/dev/null; then die "the module is loaded twice"; fi
exec 3>$MNT/held
if umount $MNT 2>/dev/null; then die "it was unmounted while a file was open"; fi
echo more >&3 || die "an open file cannot be written"
exec 3>&-
unmount
check
unload
