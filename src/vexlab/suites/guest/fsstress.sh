#!/bin/bash
# Runs fsstress several times, with operations of a kind each time: fsstress.sh MOUNTPOINT SEED PART ...
set -u
mountpoint=$1 seed=$2
shift 2

# -z: no operation but those that follow.
declare -A options=(
	[alone]="-p 1 -n 20000"
	[processes]="-p 8 -n 4000"
	[names]="-p 4 -n 15000 -z -f creat=4 -f mkdir=4 -f rename=4 -f link=2 -f symlink=2 -f unlink=2 -f rmdir=2 -f getdents=2 -f stat=2"
	[data]="-p 4 -n 6000 -z -f creat=4 -f write=4 -f read=2 -f truncate=2 -f fsync=2 -f fdatasync=2 -f unlink=2"
	[direct]="-p 4 -n 4000 -z -f creat=4 -f dwrite=4 -f dread=4 -f write=2 -f truncate=2 -f unlink=2"
)
status=0
for name in "$@"; do
	place=$mountpoint/fsstress.$name
	mkdir -p "$place" || exit 1
	echo "begin $name"
	read -r before _ </proc/uptime
	# shellcheck disable=SC2086
	/vexlab/suite/launch fsstress -d "$place" -s "$seed" ${options[$name]} >/tmp/fsstress.out 2>&1
	ended=$?
	read -r after _ </proc/uptime
	tail -n 20 /tmp/fsstress.out
	ls -lR "$place" >/dev/null 2>/tmp/fsstress.ls || { head -n 5 /tmp/fsstress.ls; ended=1; }
	rm -rf "$place" 2>/tmp/fsstress.rm || { head -n 5 /tmp/fsstress.rm; ended=1; }
	echo
	echo "end $name $ended $(busybox awk "BEGIN { print $after - $before }")"
	[ "$ended" = 0 ] || status=1
done
exit $status
