#!/bin/bash
# In place: a journal that orders new data before their inode does not write these. The times are committed already.
# Usage: overwrite_in_place.sh FOLDER

. /vexlab/lib/capable.sh
echo 50 >/proc/sys/vm/dirty_writeback_centisecs
cd "$1" && seq 9999 | head -c "$(within file_size 48888)" >overwritten && sync -f . || exit
head -c "$(within file_size 30000)" /dev/urandom >/tmp/random || exit
dd if=/tmp/random of=overwritten conv=notrunc status=none && touch other || exit
if can fsync; then sync other; else sync -f other; fi && sha1sum <overwritten
