#!/bin/bash
# Runs pjdfstest on a mounted filesystem: pjdfstest.sh MOUNTPOINT REMOUNT FEATURES [TEST ...]
set -u
mountpoint=$1 remount=$2 features=$3
shift 3

add() { # NAME ID: a user with a group of the same name and number
	grep -q "^$1:" /etc/group || echo "$1:x:$2:" >>/etc/group
	grep -q "^$1:" /etc/passwd || echo "$1:*:$2:$2:$1:/:/bin/sh" >>/etc/passwd
}
add tests 1001
add pjdfstest 1002

other=$(mktemp -d) # a second filesystem: what must not reach across devices is tried with it
mount -t tmpfs other "$other" || exit 1
{
	echo '[features]'
	echo "secondary_fs = \"$other\""
	for feature in $features; do echo "$feature = {}"; done
	echo '[settings]'
	echo 'naptime = 0.05' # more than the finest step of the kernel's coarse clock, 4 ms
	echo "allow_remount = $remount"
	echo '[dummy_auth]'
	echo 'entries = [["nobody", "nogroup"], ["tests", "tests"]]'
} >/run/pjdfstest.toml
exact=()
[ $# -gt 0 ] && exact=(--exact)
NO_COLOR=1 /vexlab/suite/launch pjdfstest -c /run/pjdfstest.toml -p "$mountpoint" "${exact[@]}" "$@" 2>&1
