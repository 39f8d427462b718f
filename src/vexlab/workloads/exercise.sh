#!/bin/bash
# Everyday work on a mounted filesystem, for as long as is asked: files made, written, read, synced, renamed, removed,
# and vectors added and searched where the target's tool for them is named.
# Usage: exercise.sh DIRECTORY SECONDS [vexctl]
set -u
cd "$1" || exit 1
end=$((SECONDS + $2))
vectors=${3:-}
round=0
[ -z "$vectors" ] || "$vectors" create vectors --dim 8 || exit 1
while [ "$SECONDS" -lt "$end" ]; do
	round=$((round + 1))
	mkdir -p "d$round"
	for number in 1 2 3 4 5 6 7 8; do
		dd if=/dev/zero of="d$round/f$number" bs=4k count=16 status=none || exit 1
	done
	sync -f "d$round"
	cat "d$round"/* >/dev/null || exit 1
	mv "d$round/f1" "d$round/renamed"
	ls -l "d$round" >/dev/null
	if [ -n "$vectors" ]; then
		"$vectors" add vectors "$round" 1 2 3 4 5 6 7 >/dev/null || exit 1
		"$vectors" search vectors -k 3 1 1 2 3 4 5 6 7 >/dev/null || exit 1
	fi
	[ "$round" -gt 4 ] && rm -rf "d$((round - 4))"
done
echo "$round rounds"
