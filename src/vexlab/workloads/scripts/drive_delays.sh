#!/bin/sh
# Has the module of delays wait at the places in FILE, a line each, other ones every second, until FILE.stop is there.
# First all are looked at, without delays: those that are never come by are left out, for a while.
# Usage: drive_delays.sh MODULE FILE SEED AT_ONCE PERCENT

of=/sys/module/$1/parameters; file=$2; seed=$3; many=$4; percent=$5
set_sites() { tr '\n' , <"$1" >"$of/sites"; }
draw() { # AWK's own numbers: the same seed, the same order
    seed=$((seed + 1))
    awk -v seed="$seed" 'BEGIN { srand(seed) } { print rand() "\t" $0 }' "$1" | sort -n | cut -f2 | head -n "$2"
}
rm -f "$file.stop" "$file.met"
(
    while [ ! -e "$file.stop" ]; do
        echo 0 >"$of/percent"; : >"$file.met"
        split -l "$many" "$file" "$file.part."
        for part in "$file".part.*; do
            [ -e "$file.stop" ] && exit
            set_sites "$part"; sleep 0.1; cat "$of/met" >>"$file.met"
        done
        rm -f "$file".part.*
        echo "$percent" >"$of/percent"
        turn=0
        while [ $turn -lt 20 ] && [ ! -e "$file.stop" ]; do
            draw "$file.met" "$many" >"$file.now"
            set_sites "$file.now"; sleep 1; turn=$((turn + 1))
        done
    done
) >/dev/null 2>&1 &
