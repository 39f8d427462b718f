#!/bin/bash
# fs_mark.sh MOUNTPOINT [NAME METHOD ...]
set -u
mountpoint=$1
shift
while [ $# -ge 2 ]; do
	mkdir "$mountpoint/$1" && fs_mark -d "$mountpoint/$1" -n 50 -s 4096 -S "$2" 2>&1
	echo "end $1 $?"
	rm -rf "${mountpoint:?}/$1"
	shift 2
done
