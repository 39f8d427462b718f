#!/bin/sh
# Twenty times loaded, mounted, unmounted and unloaded: nothing is left behind that stops the next.
. /vexlab/vt/lib.sh
make_mounted
unmount
unload
i=0
while [ $i -lt 20 ]; do
	load || die "the module does not load the ${i}th time"
	mount -t "$FSTYPE" $DEVICE $MNT || die "it does not mount the ${i}th time"
	echo $i >$MNT/count || die "it cannot be written the ${i}th time"
	unmount
	unload
	i=$((i + 1))
done
check
