#!/bin/sh
# Packs the files of counters that the kernel shows. Sizes in debugfs are 0, so each is copied before it is packed,
# under a number; their names are in the file NAMES, in the order of these.
# Usage: read_counters.sh NAMES MOST_FILES

mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
cd /sys/kernel/debug/gcov || exit
out=/run/vexlab-counters; rm -rf $out; mkdir -p $out; : >$out/"$1"
find . -name '*.gcda' | head -n "$2" | while read -r file; do
    number=$((number + 1))
    cat "$file" >$out/$number && echo "$file" >>$out/"$1" || exit
done
tar -C $out -c -f - . | gzip -1 -c
rm -rf $out
