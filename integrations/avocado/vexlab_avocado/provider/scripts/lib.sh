# What the scripts share. MODULE, DEPENDS, FSTYPE, MKFS and FSCK say what is tested; words of MKFS and FSCK that read
# {device} stand for the block device.
# shellcheck shell=sh
DEVICE=/dev/disk-scratch
MNT=/mnt/test

say() { echo "$*"; }
die() { echo "$*"; exit 1; }
cannot() { echo "$*"; exit 77; }

device() {
	for block in /sys/block/vd*; do
		[ "$(cat "$block/serial")" = scratch ] && ln -sf "/dev/${block##*/}" $DEVICE && return
	done
	die "no disk with serial scratch"
}

# with COMMAND: run it, {device} being the disk
with() {
	sh -c "$(echo "$1" | sed "s|{device}|$DEVICE|g")"
}

load() {
	for each in $DEPENDS; do modprobe "$each" || cannot "no module $each"; done
	if [ -e "/vexlab/$MODULE.ko" ]; then insmod "/vexlab/$MODULE.ko" "$@"; else modprobe "$MODULE" "$@"; fi
}

make_mounted() {
	device
	load || die "the module does not load"
	with "$MKFS" || die "mkfs failed"
	mkdir -p $MNT
	mount -t "$FSTYPE" $DEVICE $MNT || die "it does not mount"
	grep -q " $MNT $FSTYPE " /proc/mounts || die "something else is mounted"
}

unmount() { umount $MNT || die "it does not unmount"; }

check() {
	[ -z "$FSCK" ] || with "$FSCK" || die "fsck found something"
}

unload() { rmmod "$MODULE" || die "the module does not unload"; }
