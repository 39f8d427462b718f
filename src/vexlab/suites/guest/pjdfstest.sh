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
configure() { # REMOUNT
	echo '[features]'
	echo "secondary_fs = \"$other\""
	for feature in $features; do echo "$feature = {}"; done
	echo '[settings]'
	echo 'naptime = 0.05' # more than the finest step of the kernel's coarse clock, 4 ms
	echo "allow_remount = $1"
	echo '[dummy_auth]'
	echo 'entries = [["nobody", "nogroup"], ["tests", "tests"]]'
}

# 0.2.2 divides what is left of PATH_MAX by half a name's length, and where nothing remains (as in a folder whose path
# has nine characters) it takes one from zero and panics: so its folder is one whose path is longer.
place=$mountpoint/pjdfstest
mkdir -p "$place" || exit 1
run() {
	NO_COLOR=1 /vexlab/suite/launch pjdfstest -c /run/pjdfstest.toml -p "$place" "$@" 2>&1
}
status=0
if [ $# -gt 0 ]; then
	configure "$remount" >/run/pjdfstest.toml
	run "$@" || status=1
else
	# What remounts read-only goes first, in a process of its own: tests of open(2) leave descriptors open for writing,
	# with which the filesystem is busy.
	configure "$remount" >/run/pjdfstest.toml
	run erofs || status=1
	configure false >/run/pjdfstest.toml
	run || status=1
fi
rm -rf "$place"
exit $status
