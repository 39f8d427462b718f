#!/bin/bash
# Names the files of failing_writes.py that do not hold what was written last.
# Usage: files_not_written.sh FOLDER

cd "$1" && printf 'after %.0s' $(seq 1000) >/tmp/after || exit
for file in fsync fdatasync o_sync o_dsync syncfs; do
    [ ! -e "$file" ] || tail -c +4097 "$file" | head -c 6000 | cmp -s - /tmp/after || echo "$file"
done
[ ! -e msync ] || [ "$(head -c 10 msync)" = "after that" ] || echo msync
