#!/bin/bash
# Remounted read-only it refuses a new file, remounted read-write it takes one.
# Usage: remount_readonly.sh FOLDER

did_not() { echo "it did not $1 (status $?)" >&2; exit 1; }
. /vexlab/lib/capable.sh
tree="$1"; if can mkdir; then mkdir "$1"/tree && tree="$1"/tree; fi
fstree fill 5 40 $tree >/tmp/tree.manifest || did_not "make the tree"
# What was removed last may be let go in the background, as in NILFS: it is busy until then.
for wait in $(seq 50); do
    busy=$(mount -i -o remount,ro "$1" 2>&1) && break
    case $busy in *busy*) [ "$wait" -lt 50 ] ;; *) false ;; esac || { echo "$busy" >&2; did_not "remount read-only"; }
    sleep 0.1
done
touch "$1"/new 2>/dev/null && did_not "refuse a new file"
mount -i -o remount,rw "$1" || did_not "remount read-write"
touch "$1"/new && { ! can unlink || rm "$1"/new; } || did_not "take a new file"
