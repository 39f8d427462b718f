#!/bin/sh
# Each of CYCLES cycles uses what it loads (LOAD, NAME), where it can be made on a DEVICE: mount (FSTYPE, OPTIONS),
# write, read, unmount. A sample of the guest's memory follows every cycle.

. /vexlab/lib/capable.sh
. /vexlab/lib/sample.sh
for n in $(seq "$CYCLES"); do
    $LOAD || exit
    if [ -n "$DEVICE" ]; then
        mount -i -t "$FSTYPE" $OPTIONS "$DEVICE" /mnt/test || exit
        echo "cycle $n" >/mnt/test/file || exit
        if can mkdir; then mkdir -p /mnt/test/folder || exit; fi
        cat /mnt/test/file >/dev/null || exit
        ls -lR /mnt/test >/dev/null; if can unlink; then rm /mnt/test/file; fi
        umount /mnt/test || exit
    fi
    rmmod "$NAME" || exit
    sample
done
exit 0
