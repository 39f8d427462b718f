#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A sequence of operations on two filesystems
# Usage: bash SCRIPT DIRECTORY_ON_ONE_FILESYSTEM DIRECTORY_ON_THE_OTHER
export LC_ALL=C
umask 022

bytes() { yes "$(printf %08x "$1")" | head -c "$2"; }

put() {  # fd offset length seed
    bytes "$4" "$3" | dd of="/proc/self/fd/$1" bs="$3" count=1 iflag=fullblock oflag=seek_bytes seek="$2" \
        conv=notrunc status=none
}

get() {  # fd offset length
    dd if="/proc/self/fd/$1" bs="$3" count=1 iflag=skip_bytes,fullblock skip="$2" status=none | cksum
}

create() { if [ -e "$1" ] || [ -L "$1" ]; then echo "$1: File exists"; return 1; fi; }

exchange() {
    python3 - "$1" "$2" <<'END'
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.renameat2(-100, os.fsencode(sys.argv[1]), -100, os.fsencode(sys.argv[2]), 2):
    sys.exit(os.strerror(ctypes.get_errno()))
END
}

resize() {  # path size: truncate(2), where truncate(1) opens the file and calls ftruncate(2)
    python3 -c 'import os, sys; os.truncate(sys.argv[1], int(sys.argv[2]))' "$1" "$2"
}

store() {  # path offset length seed: through a shared mapping
    python3 - "$@" <<'END'
import mmap, os, sys
path, offset, length, seed = sys.argv[1], *map(int, sys.argv[2:])
fd = os.open(path, os.O_RDWR)
if offset + length <= os.fstat(fd).st_size and length:
    data = (b"%08x\n" % seed * (length // 9 + 1))[:length]
    mmap.mmap(fd, 0)[offset:offset + length] = data
END
}

steps() {
    : the steps
    true
}

tree() {
    find . -mindepth 1 ! -type d -printf '%P %y %m %U:%G links=%n size=%s %l\n' | sort
    find . -mindepth 1 -type d -printf '%P %y %m %U:%G\n' | sort
    find . -type f -print0 | sort -z | xargs -0 -r cksum
    getfattr -h -R -d -e hex . 2>/dev/null
}

number=0
for place in "$1" "$2"; do
    number=$((number + 1))
    work=$(mktemp -d "$place/sequence.XXXXXX") || exit 2
    log[number]=$(mktemp)
    (cd "$work" && steps && tree) >"${log[number]}" 2>&1
    rm -rf "$work"
done
if diff "${log[1]}" "${log[2]}"; then
    echo "no difference"
else
    echo "they differ: < is $1, > is $2"
    exit 1
fi
