#!/bin/bash
# Makes what write_frozen.sh is to change.
# Usage: prepare_writers.sh FOLDER

. /vexlab/lib/capable.sh
cd "$1" && if can mkdir; then mkdir writers && cd writers && mkdir emptied; fi || exit
for name in other written appended cut mapped old gone changed dated named collection; do
    seq 2000 | head -c "$(within file_size 8893)" >"$name"
done
: >collection && ! can xattr || setfattr -n user.x -v x named 2>/tmp/no-attributes
command -v vexctl >/dev/null && for name in vectors others; do
    vexctl create $name --dim 2 && vexctl add $name 1 2 >/dev/null || exit
done
exit 0
