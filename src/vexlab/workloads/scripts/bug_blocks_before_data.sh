#!/bin/bash
# A write of whole blocks into a hole, before data that are there, is lost with the page cache.
# Runs after workflows/prelude.sh, in the mounted filesystem.

size=$(within file_sparse 65536) block=4096
[ "$size" -gt 24000 ] || block=$((size / 8))
grow file $size
printf end | dd of=file bs=1 seek=$((5 * block)) conv=notrunc status=none; fresh
head -c $((2 * block)) /dev/zero | tr '\0' y >data
dd if=data of=file bs=$block seek=3 conv=notrunc status=none; fresh
is "the bytes in the hole" "$(dd if=file bs=$block skip=3 count=2 status=none | md5sum)" "$(md5sum <data)"
is "the bytes after it" "$(dd if=file bs=1 skip=$((5 * block)) count=3 status=none)" end
