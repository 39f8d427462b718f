#!/bin/bash
# Begins each command of /tmp/commands, each ended by a zero byte, while it is frozen, and thaws. Each must come to wait
# as the kernel waits for a thaw (percpu_rwsem_wait(): state D) or be done too early; a second later none may be done.
# All within 30 s, after which the kernel takes them for stuck. Prints how many wait and which are done, "thawed", and
# which are done then.
# Usage: write_frozen.sh FOLDER

. /vexlab/lib/capable.sh
cd "$1" && ! can mkdir || cd writers && mkdir -p /tmp/writers || exit
number=0
while IFS= read -r -d '' command; do
    (bash -c "$command" && touch /tmp/writers/$number) </dev/null >/dev/null 2>&1 &
    number=$((number + 1))
done </tmp/commands
cd /
waiting() { cat /proc/[0-9]*/stat 2>/dev/null | grep -c '^[0-9]* (.*) D '; }
until=$((SECONDS + 10))
while [ $(($(waiting) + $(ls /tmp/writers | wc -l))) -lt $number ] && [ $SECONDS -lt $until ]; do
    sleep 0.1
done
sleep 1
waited=$(waiting)
ls /tmp/writers >/tmp/too-early
fsfreeze --unfreeze "$1"
for _ in $(seq 200); do
    [ "$(ls /tmp/writers | wc -l)" = $number ] && break
    sleep 0.1
done
echo $waited; cat /tmp/too-early; echo thawed; ls /tmp/writers
