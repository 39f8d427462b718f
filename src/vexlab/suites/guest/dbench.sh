#!/bin/bash
# Runs dbench with several numbers of clients: dbench.sh MOUNTPOINT SEED COUNT-clients ...
set -u
place=$1/dbench
shift 2
mkdir -p "$place" || exit 1
for name in "$@"; do
	echo "begin $name"
	read -r before _ </proc/uptime
	dbench -D "$place" -c /usr/share/dbench/client.txt -t 10 "${name%-clients}" >/tmp/dbench.out 2>&1
	status=$?
	tail -n 5 /tmp/dbench.out
	grep -q '^Throughput' /tmp/dbench.out || status=1
	read -r after _ </proc/uptime
	echo "end $name $status $(busybox awk "BEGIN { print $after - $before }")"
	rm -rf "${place:?}"/*
done
rmdir "$place"
