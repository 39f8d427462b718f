#!/bin/sh
# Boots a kernel in QEMU and does there what was done when vexlab found the problem that the file README tells of.
#
# Needs qemu-system-x86_64, and nothing of vexlab. The guest has no network and writes to copies of its disks only.
# Ends with 0 where the kernel reports the problem again, 1 where it does not, 2 where the machine cannot be run.
#
# QEMU=PROGRAM     another QEMU
# ACCEL=kvm        for a computer that has it; the default is the emulator that the problem was found with
# LIMIT=SECONDS    how long the machine may take
# CONSOLE=FILE     where to keep what the kernel said
set -u
here=$(cd "$(dirname "$0")" && pwd) || exit 2
. "$here/facts"
QEMU=${QEMU:-qemu-system-x86_64}
ACCEL=${ACCEL:-$FOUND_WITH}
LIMIT=${LIMIT:-$TAKES_AT_MOST}
CPU=$FOUND_ON
[ "$ACCEL" = kvm ] && CPU=host
command -v "$QEMU" >/dev/null || {
	echo "$QEMU is not installed" >&2
	exit 2
}

work=$(mktemp -d) || exit 2
machine=
cleanup() {
	[ -z "$machine" ] || kill -9 "$machine" 2>/dev/null
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

# QEMU's own syntax has no room for every name of a folder, so it works where all names are plain.
for file in "$here"/bzImage "$here"/*.img; do
	ln -s "$file" "$work/" || exit 2
done
for file in "$here"/*.qcow2; do
	[ ! -e "$file" ] || cp "$file" "$work/" || exit 2
done
cd "$work" || exit 2
: >console.log
qemu >qemu.log 2>&1 &
machine=$!

# Both lines: what the kernel complains of, and the function that it blames.
seen() { grep -aEq -e "$HEADLINE" console.log && grep -aEq -e "$FUNCTION" console.log; }

end=$(($(date +%s) + LIMIT))
while kill -0 "$machine" 2>/dev/null && ! seen && [ "$(date +%s)" -lt "$end" ]; do sleep 1; done
seen && sleep 3 # the rest of the report
kill -9 "$machine" 2>/dev/null
machine=
[ -z "${CONSOLE:-}" ] || cp console.log "$CONSOLE"
if ! grep -aq 'Linux version' console.log; then
	echo "the machine did not boot:" >&2
	cat qemu.log >&2
	exit 2
fi
if seen; then
	grep -aE -A 30 -e "$HEADLINE" console.log | tr -d "\r" | cat -v | head -n 60
	echo
	echo "REPRODUCED: $PROBLEM"
	exit 0
fi
tail -n 20 console.log | tr -d "\r" | cat -v
echo
echo "not reproduced: $PROBLEM"
exit 1
