#!/bin/bash
# Overwrites, has another file's fsync commit the times, and prints how often a syncfs then flushes the disk. The
# sixteenth number of a block device's statistics are its flushes (Documentation/block/stat.rst).
# Usage: count_flushes.sh FOLDER DEVICE ROUNDS

cd "$1" && seq 9999 >./data && touch other && sync -f . || exit
flushes=0
for _ in $(seq "$3"); do
    head -c 20000 /dev/urandom | dd of=data bs=4k conv=notrunc status=none && touch other && sync other || exit
    before=$(awk '{print $16}' "/sys/block/$2/stat") && sync -f . || exit
    [ "$(awk '{print $16}' "/sys/block/$2/stat")" = "$before" ] || flushes=$((flushes + 1))
done
rm data other && echo $flushes
