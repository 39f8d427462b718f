#!/bin/bash
# Runs fsx on a mounted filesystem, a round after the other: fsx.sh MOUNTPOINT SEED [NAME COUNT CONFIGURATION ...]
set -u
mountpoint=$1 seed=$2
shift 2
status=0
while [ $# -ge 3 ]; do
	name=$1 count=$2
	printf '%s' "$3" >/run/fsx.toml
	shift 3
	mkdir -p "/run/fsx.$name" # where fsx keeps what it made of a file that is wrong
	echo "begin $name"
	read -r before _ </proc/uptime
	/vexlab/suite/launch fsx -f /run/fsx.toml -N "$count" -S "$seed" -P "/run/fsx.$name" "$mountpoint/fsx.$name" 2>&1
	ended=$?
	read -r after _ </proc/uptime
	echo
	echo "end $name $ended $(busybox awk "BEGIN { print $after - $before }")"
	[ "$ended" = 0 ] || status=1
	rm -f "$mountpoint/fsx.$name"
done
exit $status
