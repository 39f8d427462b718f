#!/bin/sh
# The hook of a crash plan: vectors are added and deleted, and what a crash left of them is checked.
# Usage: crash_vectors.sh do STEP - FOLDER          do a step, and fsync it
#        crash_vectors.sh check SYNCED BEGUN FOLDER  print what is wrong after a crash
# A step adds one vector, every fourth 300 by one call, some blocks of them, which are there all or not at all. Every
# tenth step deletes the first vector that it has added.
# The program crash_vectors.py lies beside this one.

set -e
file=$4/vectors
case $1 in
do)
    [ -e "$file" ] || vexctl create "$file" --dim 8
    if [ $(($2 % 4)) = 3 ]; then
        seq -f "$2 %g 2 3 4 5 6 7" 300 | vexctl add-many "$file" - >/dev/null
    else
        vexctl add "$file" "$2" 1 2 3 4 5 6 7 >/dev/null
    fi
    [ $(($2 % 10)) != 9 ] || vexctl delete "$file" $(($2 / 4 * 303 + $2 % 4 + 1)) >/dev/null
    sync "$file" ;;
check)
    [ -e "$file" ] || { [ "$2" = 0 ] && exit 0; echo "a collection that was fsynced is gone"; exit 1; }
    vexctl --json stats "$file" >/tmp/stats 2>&1 || { [ "$2" = 0 ] && exit 0; cat /tmp/stats; exit 1; }
    vexctl dump "$file" | grep -v '^#' >/tmp/dumped || true
    exec python3 "${0%.sh}.py" "$2" "$3" /tmp/stats /tmp/dumped ;;
esac
