# What the commands of the guest image `dev` share; each reads this file. The source tree is the host's, mounted
# read-only; what is built lies beside it in the guest's memory.
# shellcheck shell=bash disable=SC2034
SOURCE=/mnt/vexfs-src
BUILD=/mnt/vexfs-build
HEADERS=/mnt/headers/build
MOUNT=/mnt/test

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# The folder of the module in the tree: the first that has a Kbuild file with obj-m.
module_folder() {
	local each
	for each in "$1" "$1"/module "$1"/kernel "$1"/src; do
		grep -qs '^obj-m' "$each/Kbuild" "$each/Makefile" && echo "$each" && return
	done
	return 1
}

module_file() {
	local folder file
	folder=$(module_folder "$BUILD") || die "nothing is built: run kbuild"
	for file in "$folder"/*.ko; do
		[ -e "$file" ] && echo "$file" && return
	done
	die "nothing is built in $folder: run kbuild"
}

module_name() { basename "$(module_file)" .ko | tr - _; }

disk() {
	local block serial
	for block in /sys/block/vd*; do
		read -r serial <"$block/serial" || serial=
		[ "$serial" = "$1" ] && echo "/dev/${block##*/}" && return
	done
	die "the machine has no disk $1"
}

need_headers() {
	local folder=${HEADERS%/build} device
	[ -d "$HEADERS" ] && return
	device=$(disk headers) || exit
	mkdir -p "$folder"
	mount -t squashfs -o ro "$device" "$folder" || die "the kernel's headers cannot be mounted"
}

need_source() {
	mountpoint -q "$SOURCE" || die "no source tree is mounted at $SOURCE: vexlab vm start NAME --image dev --source DIR"
}
