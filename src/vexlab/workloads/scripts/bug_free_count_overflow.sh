#!/bin/bash
# statfs(2) counts blocks that are freed and not yet committed a second time, so that free space grows by deleting.
# Runs after workflows/prelude.sh, in the mounted filesystem.
# shellcheck disable=SC2034 # the prelude reads it

before=$(stat -f -c %f .) size=$(within file_size 8388608)
for turn in 1 2 3 4; do head -c $size /dev/zero >"file$turn"; sync; done
rm file?
after=$(stat -f -c %f .)
CHECKS=1
[ "$after" -le "$((before + 8))" ] || fail "$before blocks were free, after making and removing $after"
