# SPDX-License-Identifier: Apache-2.0
# sh mkfs_on_file.sh DEVICE MKFS WORD...: runs an mkfs that only knows files, for a block device.
#
# It makes the filesystem in a file as large as DEVICE. The file's path stands in the words wherever DEVICE did; the file
# is then copied to DEVICE. What the file has no blocks for is zeros on the device too. Exit status: that of MKFS.

device=$1
shift
[ -b "$device" ] || exec "$@"
size=$(blockdev --getsize64 "$device") || exit 1
folder=$(mktemp -d "${TMPDIR:-/tmp}/mkfs.XXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT
file=$folder/image
truncate -s "$size" "$file" || exit 1
count=$#
while [ "$count" -gt 0 ]; do
	case $1 in
	*"$device"*) set -- "$@" "${1%%"$device"*}$file${1#*"$device"}" ;;
	*) set -- "$@" "$1" ;;
	esac
	shift
	count=$((count - 1))
done
"$@" || exit
made=$(stat -c %s "$file") || exit 1
if [ "$made" -gt "$size" ]; then
	echo "$1 made $made bytes, and $device has $size" >&2
	exit 1
fi
sparse=sparse,
blkdiscard --zeroout "$device" 2>/dev/null || sparse=
dd if="$file" of="$device" bs=64K conv="${sparse}notrunc,fsync" status=none
