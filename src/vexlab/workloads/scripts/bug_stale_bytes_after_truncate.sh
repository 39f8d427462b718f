#!/bin/bash
# The bytes behind a cut come back when the file grows again.
# Runs after workflows/prelude.sh, in the mounted filesystem.

size=$(within file_sparse 20000)
head -c $((size / 2)) /dev/zero | tr '\0' s >file; sync
truncate -s $((size / 4)) file; fresh; grow file $size; fresh
is "what is behind the cut" "$(tail -c +$((size / 4 + 1)) file | tr -d '\0' | wc -c)" 0
