# SPDX-License-Identifier: Apache-2.0
# Other things on top of files of the filesystem: ext4 on a loop device, swap, overlayfs.
loop_made() {
    modprobe -a loop ext4 2>/dev/null || true
    mkdir -p /mnt/loop
    truncate -s 48M image
    mkfs.ext4 -q -F -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 image
    mount -o loop "$MNT/image" /mnt/loop
    mkdir /mnt/loop/tree
    fstree fill 51 250 /mnt/loop/tree >/tmp/tree
    for n in 1 2 3; do
        (for m in $(seq 30); do head -c 50000 /dev/urandom >"/mnt/loop/$n-$m" && cp "/mnt/loop/$n-$m" "/mnt/loop/$n-copy"; done; sync) &
    done
    wait
    sums /mnt/loop >/tmp/sums
    cd /
    refused "busy" umount "$MNT"
    cd "$MNT"
    umount /mnt/loop
    fresh
    is "what fsck.ext4 says" "$(fsck.ext4 -f -n image >/tmp/fsck.out 2>&1 && echo sound || cat /tmp/fsck.out)" sound
}

loop_kept() {
    is "what fsck.ext4 says" "$(fsck.ext4 -f -n image >/tmp/fsck.out 2>&1 && echo sound || cat /tmp/fsck.out)" sound
    mount -o loop "$MNT/image" /mnt/loop
    agrees /tmp/tree /mnt/loop/tree
    sums /mnt/loop >/tmp/sums.now
    same /tmp/sums /tmp/sums.now
    rm -r /mnt/loop/tree
    umount /mnt/loop
    is "what fsck.ext4 says" "$(fsck.ext4 -f -n image >/tmp/fsck.out 2>&1 && echo sound || cat /tmp/fsck.out)" sound
    for _ in $(seq 100); do # a loop device lets go of its file a little later
        [ -n "$(losetup -j image)" ] || break
        sleep 0.05
    done
    is "the loop devices left" "$(losetup -j image)" ""
}

# Memory is squeezed until pages go to a swap file, and they come back as they were.
swap() {
    dd if=/dev/zero of=swapfile bs=1M count=24 status=none
    chmod 600 swapfile
    mkswap swapfile >/dev/null
    echo 0 >/proc/sys/vm/page-cluster
    swapon swapfile || {
        echo "refused: $(swapon swapfile 2>&1 || true)"
        CHECKS=1
        exit 0
    }
    refused "busy" umount "$MNT"
    refused "Text file busy" dd if=/dev/zero of=swapfile bs=1 count=1 conv=notrunc
    refused "not permitted" rm swapfile
    mkdir -p /sys/fs/cgroup
    mountpoint -q /sys/fs/cgroup || mount -t cgroup2 none /sys/fs/cgroup
    echo +memory >/sys/fs/cgroup/cgroup.subtree_control
    mkdir -p /sys/fs/cgroup/squeezed
    echo 16M >/sys/fs/cgroup/squeezed/memory.max
    is "what was swapped out and in again" "$(bash -c '
        echo $$ >/sys/fs/cgroup/squeezed/cgroup.procs
        exec python3 -c "
import random
rng = random.Random(3)
pieces = [rng.randbytes(4096) for _ in range(4000)]
again = random.Random(3)
print(all(piece == again.randbytes(4096) for piece in pieces))
"')" True
    used=$(awk 'NR == 2 { print $4 }' /proc/swaps)
    metric swap_used_bytes "$((used * 1024))"
    swapoff swapfile
    rm swapfile
    rmdir /sys/fs/cgroup/squeezed
}

overlay() { # $3: what of the overlay the filesystem is: lower, upper
    modprobe overlay
    rm -rf lower upper work /tmp/upper /tmp/work
    mkdir -p lower upper work /mnt/over /tmp/upper /tmp/work
    mkdir lower/folder
    seq 1000 >lower/long
    echo lower >lower/folder/file
    ln -s long lower/link
    ! can xattr || setfattr -n user.kept -v yes lower/long
    local up=/tmp/upper wk=/tmp/work
    [ "$1" = lower ] || up="$MNT/upper" wk="$MNT/work"
    mount -t overlay overlay -o "lowerdir=$MNT/lower,upperdir=$up,workdir=$wk" /mnt/over
    echo more >>/mnt/over/long
    rm /mnt/over/folder/file
    echo new >/mnt/over/folder/other
    mv /mnt/over/folder/other /mnt/over/other
    mkdir /mnt/over/made
    rm /mnt/over/link
    [ "$1" = lower ] || {
        is "the attribute of a copied-up file" "$(getfattr --only-values -n user.kept /mnt/over/long)" yes
        rmdir /mnt/over/folder && mkdir /mnt/over/folder # opaque
    }
    is "the names in the overlay" "$(cd /mnt/over && find . | sort | tr '\n' ' ')" ". ./folder ./long ./made ./other "
    is "the copied-up file" "$(md5sum </mnt/over/long)" "$( (seq 1000 && echo more) | md5sum)"
    is "the lower file" "$(md5sum <lower/long)" "$(seq 1000 | md5sum)"
    umount /mnt/over
    fresh
    mount -t overlay overlay -o "lowerdir=$MNT/lower,upperdir=$up,workdir=$wk" /mnt/over
    is "the names in the overlay again" "$(cd /mnt/over && find . | sort | tr '\n' ' ')" ". ./folder ./long ./made ./other "
    is "the copied-up file again" "$(tail -n 1 /mnt/over/long)" more
    umount /mnt/over
    is "the lower names" "$(cd lower && find . | sort | tr '\n' ' ')" ". ./folder ./folder/file ./link ./long "
}

case $STEP in
    overlay) overlay "$3" ;;
    *) "$STEP" ;;
esac
