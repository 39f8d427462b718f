#!/bin/bash
# Runs stressors one after the other: stress-ng.sh MOUNTPOINT SEED STRESSOR ...
set -u
place=$1/stress
shift 2
mkdir -p "$place" || exit 1
for name in "$@"; do
	echo "begin $name"
	read -r before _ </proc/uptime
	timeout -k 5 60 stress-ng --"$name" 2 --timeout 2 --verify --oomable --temp-path "$place" >/tmp/stress.out 2>&1
	status=$?
	cat /tmp/stress.out
	# A stressor that skips itself ends with 0; by stress-ng(1) 4 is what it could not do here.
	[ "$status" = 0 ] && grep -qiE 'skipped: [1-9]|skipping' /tmp/stress.out && status=4
	read -r after _ </proc/uptime
	echo "end $name $status $(busybox awk "BEGIN { print $after - $before }")"
done
rmdir "$place"
