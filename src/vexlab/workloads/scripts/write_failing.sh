#!/bin/bash
# Has failing_writes.py, beside this program, prepare its writes, exchanges the device below by COMMANDS, and lets it
# write.
# Usage: write_failing.sh FOLDER WHERE COMMANDS

rm -f /tmp/go && mkfifo /tmp/go
python3 "${0%/*}/failing_writes.py" "$1" "$2" </tmp/go >/tmp/said 2>/tmp/complained &
exec 3>/tmp/go
for _ in $(seq 300); do grep -q ready /tmp/said && break; sleep 0.1; done
grep -q ready /tmp/said || { cat /tmp/complained; exit 1; }
eval "$3"
echo go >&3
wait $!
status=$?
cat /tmp/complained >&2
grep -v ready /tmp/said
exit $status
