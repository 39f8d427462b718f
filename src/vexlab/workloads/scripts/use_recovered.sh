#!/bin/bash
# What was recovered is used: files without a name, the removal of many names, and a file that is cut.
# Usage: use_recovered.sh FOLDER

cd "$1" && . /vexlab/lib/capable.sh || exit
size=$(within file_size 48888)
exec 5<>first 6<>second && seq 9999 | head -c "$size" >&5 && seq 9999 | head -c "$size" >&6 || exit
can unlink_open || exec 5>&- 6>&-
rm first second || exit
exec 5>&- 6>&-
if can rmdir; then rm -rf many many-* || exit; fi
seq 99999 | head -c "$(within file_size 588888)" >./cut || exit
if can truncate_down; then truncate -s 100 ./cut || exit; fi
sync
