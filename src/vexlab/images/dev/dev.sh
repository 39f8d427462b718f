# What the commands of the guest image `dev` share; each reads this file. The source tree is the host's, mounted
# read-only; what is built lies beside it in the guest's memory.
# shellcheck shell=bash disable=SC2034
SOURCE=/mnt/vexfs-src
BUILD=/mnt/vexfs-build
HEADERS=/mnt/headers/build
MOUNT=/mnt/test
LIBRARY=/usr/lib/vexlab

# No udev has made these links of every Linux system; <(…) needs the first.
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
for each in stdin:0 stdout:1 stderr:2; do [ -e "/dev/${each%:*}" ] || ln -s "fd/${each#*:}" "/dev/${each%:*}"; done
unset each

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

# Set what facts.py knows of the tree that was copied: folder, module, fstype, mkfs, fsck and others.
know_tree() {
	wrong=
	[ -d "$BUILD" ] || die "nothing is built: run kbuild"
	eval "$(python3 -I "$LIBRARY/facts.py" "$BUILD")"
	[ -z "$wrong" ] || die "$wrong"
}

# The module that kbuild made; sets `file` and, where target.toml does not say it, `fstype`.
know_module() {
	know_tree
	file=$folder/$module.ko
	[ -e "$file" ] || die "nothing is built: there is no $file; run kbuild"
	[ -n "$fstype" ] || fstype=$(modinfo -F alias "$file" | sed -n 's/^fs-//p;T;q')
	[ -n "$fstype" ] || fstype=$module
}

is_loaded() { grep -q "^$module " /proc/modules; }

disk() {
	local block serial
	for block in /sys/block/vd*; do
		serial=$(<"$block/serial")
		[ "$serial" = "$1" ] && echo "/dev/${block##*/}" && return
	done
	die "the machine has no disk $1"
}

need_headers() {
	local above=${HEADERS%/build} device
	[ -d "$HEADERS" ] && return
	device=$(disk headers) || exit
	mkdir -p "$above"
	mount -t squashfs -o ro "$device" "$above" || die "the kernel's headers cannot be mounted"
}

need_source() {
	mountpoint -q "$SOURCE" || mount "$SOURCE" 2>/dev/null ||
		die "no source tree is mounted at $SOURCE: vexlab vm start NAME --image dev --source DIR"
}

# Run what target.toml says for a device: the commands have {device} where it goes.
on_device() {
	local command=${1//\{device\}/$2}
	$command
}
make_filesystem() {
	if [ -n "$mkfs" ]; then
		on_device "$mkfs" "$1"
	else
		"mkfs.$fstype" "$1" || "mkfs.$fstype" -f "$1"
	fi
}
has_mkfs() { [ -n "$mkfs" ] || command -v "mkfs.$fstype" >/dev/null; }
has_fsck() { [ -n "$fsck" ] || command -v "fsck.$fstype" >/dev/null; }
check_filesystem() { on_device "${fsck:-fsck.$fstype -n {device\}}" "$1"; }
mount_filesystem() { mount -t "$fstype" ${options:+-o "$options"} "$1" "$MOUNT"; }

# Lines of the kernel that tell of a fault. Below it: "BUG: KASAN: ..", "Oops: 0002", "INFO: task x:1 blocked"
FAULTS='BUG|WARNING|Oops|general protection|KASAN|UBSAN|refcount_t|possible (circular|recursive)|INFO: task|rcu: INFO'
mark_log() {
	mark="vexlab: ${0##*/} $$ $EPOCHREALTIME"
	echo "$mark" >/dev/kmsg
}
faults_since() {
	local log

	log=$(dmesg)
	# Where so much was printed that the mark is gone, nobody can tell what was there before.
	[[ $log == *"$mark"* ]] || say "the beginning of the kernel's log is lost; all that is left is looked at" >&2
	grep -E "$FAULTS" <<<"${log##*"$mark"}"
}
