#!/bin/bash
# A store through a mapping into a hole of a file, without a write before it, is never given a block.
# Runs after workflows/prelude.sh, in the mounted filesystem.

size=$(within file_sparse 1048576)
grow file $size
python3 /tmp/store_mapped.py file "$size"
fresh
is "what was stored" "$(tr -d '\0' <file)" "$(printf 'store%.0s' $(seq 16))"
