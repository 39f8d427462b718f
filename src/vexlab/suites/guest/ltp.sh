#!/bin/bash
# Runs one line of a runtest file of LTP in a folder of the filesystem under test:
# ltp.sh MOUNTPOINT FILE TAG DEVICE FSTYP MKFS FSCK
# Tests that want a device of their own get DEVICE, and make a filesystem of this type on it, with the target's commands.
set -u
mountpoint=$1 file=$2 tag=$3 device=$4 fstyp=$5 mkfs=$6 fsck=$7
suite=/vexlab/suite own=/run/vexlab-ltp
/bin/bash $suite/wrappers.sh $own "$fstyp" "$mkfs" "$fsck" "/vexlab/bin:$PATH" || exit 1
export LTPROOT=$suite LTP_DEV=$device LTP_DEV_FS_TYPE=$fstyp LTP_SINGLE_FS_TYPE=$fstyp
export PATH=$LTPROOT/testcases/bin:$own:/vexlab/bin:$PATH
export TMPDIR=$mountpoint/ltp TMP=$mountpoint/ltp LTP_TIMEOUT_MUL=10 LTP_COLORIZE_OUTPUT=0
if ! mkdir -p "$TMPDIR" || ! chmod 777 "$TMPDIR"; then
	echo "vexlab: the filesystem makes no folder for the test"
	echo "vexlab: ended 1 0.0"
	exit 0
fi
line=$(busybox awk -v tag="$tag" '$1 == tag { sub(/^[^ \t]+[ \t]+/, ""); print; exit }' "$LTPROOT/runtest/$file")
[ -n "$line" ] || { echo "vexlab: runtest/$file has no test $tag"; exit 1; }
cd "$TMPDIR" || exit 1
read -r before _ </proc/uptime
echo "vexlab: began"
bash -c "$line" 2>&1
status=$?
read -r after _ </proc/uptime
cd / || exit 1
if ! rm -rf "$TMPDIR"; then
	echo "vexlab: what the test made cannot be removed"
	[ $status = 0 ] && status=1
fi
echo
echo "vexlab: ended $status $(busybox awk "BEGIN { print $after - $before }")"
exit 0
