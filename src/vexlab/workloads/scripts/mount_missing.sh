#!/bin/bash
# Each must fail, and say why with one of these words; a mount that succeeds or dies of a signal is printed.
# Usage: mount_missing.sh TYPE DEVICE

. /vexlab/lib/capable.sh
type=$1 device=$2
modprobe loop; mkdir -p /mnt/none; echo text >/tmp/text; ln -sf /dev/no-such-device /tmp/dangling
mkfifo -m 600 /tmp/fifo
truncate -s 1G /tmp/hole; gone=$(losetup --find --show /tmp/hole) && losetup -d "$gone"
tried() {
    name=$1; shift
    words=$(timeout -s KILL 20 mount -i -t "$type" "$@" /mnt/none 2>&1); status=$?
    [ $status = 0 ] && echo "$name: it was mounted" && umount /mnt/none
    [ $status -gt 128 ] && echo "$name: mount died of signal $((status - 128))"
    [ $status != 0 ] && [ -z "$words" ] && echo "$name: refused without a word"
}
for _ in 1 2; do
    tried "a missing device" /dev/no-such-device
    tried "a dangling link" /tmp/dangling
    tried "no device" none
    tried "a directory" /tmp
    tried "a character device" /dev/null
    tried "a pipe" /tmp/fifo
    tried "a loop device without a file" "$gone"
    tried "an empty file" -o loop /tmp/text
    tried "a hole" -o loop /tmp/hole
    ! can unknown_options || tried "an unknown option" -o vexlab_no_such_option=1 "$device"
    mount -i -t "$type" "$device" /mnt/no-such-directory 2>/dev/null && echo "mounted on a missing directory"
done
exit 0
