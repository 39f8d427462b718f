#!/bin/bash
# Makes so many filesystems on parts of a device, has all mounted and filled at once, and looks whether each holds its
# own. MKFS and FSCK are commands for the device $IMAGE.
# Usage: ten_images.sh DEVICE COUNT TYPE MOUNT-OPTION…

set -e
. /vexlab/lib/capable.sh
device=$1 count=$2 type=$3 last=$(($2 - 1))
tree=; ! can mkdir || tree=/tree
holds() {
    fstree verify /tmp/image$1.manifest /mnt/image$1$tree >/tmp/out && return
    echo "image $1 is not what it was:"; head -3 /tmp/out; exit 1
}
modprobe loop max_loop=16
size=$(($(blockdev --getsize64 "$device") / count))
for n in $(seq 0 "$last"); do
    mkdir -p /mnt/image$n
    loop[n]=$(losetup --find --show --offset $((n * size)) --sizelimit $size "$device")
    IMAGE=${loop[n]}; eval "$MKFS" >/dev/null
    mount -i -t "$type" "${@:4}" "$IMAGE" /mnt/image$n
done
[ "$(grep -c " /mnt/image[0-9] $type " /proc/mounts)" = "$count" ] || { echo "not $count are mounted"; exit 1; }
for n in $(seq 0 "$last"); do
    [ -z "$tree" ] || mkdir /mnt/image$n$tree
    fstree fill $((n + 1)) 40 /mnt/image$n$tree >/tmp/image$n.manifest & jobs[n]=$!
done
for n in $(seq 0 "$last"); do wait ${jobs[n]} || { echo "image $n cannot be filled"; exit 1; }; done
for n in $(seq 0 "$last"); do holds $n; done
for n in 7 2 9 0 5 3 8 1 6 4; do umount /mnt/image$n; done
for n in $(seq 0 "$last"); do
    IMAGE=${loop[n]}; eval "$FSCK" >/tmp/out 2>&1 || { echo "image $n is not consistent: $(tail -3 /tmp/out)"; exit 1; }
    mount -i -t "$type" "${@:4}" "$IMAGE" /mnt/image$n
    holds $n
done
umount /mnt/image*
losetup -D
