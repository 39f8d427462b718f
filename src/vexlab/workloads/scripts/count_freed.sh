#!/bin/sh
# Prints how many blocks are free: before files are made, with them, and once they were removed.
# Usage: count_freed.sh FOLDER FILES BYTES SECONDS

free() { sync; stat -f -c %f "$1"; }
before=$(free "$1")
for file in $(seq $2); do head -c $3 /dev/zero >"$1/freed$file" 2>/dev/null || break; done
made=$(free "$1")
rm -f "$1"/freed*
for _ in $(seq 0 $4); do
    after=$(free "$1")
    [ $((2 * (before - after))) -le $((before - made)) ] && break
    sleep 1
done
echo $before $made $after
