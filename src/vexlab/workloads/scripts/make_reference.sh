#!/bin/bash
# Everything is initialised by mkfs: what ext4 otherwise does in the background would disturb both.
# Usage: make_reference.sh TYPE DEVICE OPTIONS FOLDER

set -e; modprobe "$1" 2>/dev/null || modprobe ext4
"mkfs.$1" -q -F -E "lazy_itable_init=0$3" "$2"
mkdir -p "$4"; mount -t "$1" "$2" "$4"; mkdir "$4"/work
