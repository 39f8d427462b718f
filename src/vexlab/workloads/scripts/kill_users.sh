#!/bin/bash
# Ten users with files open, mapped and half written, all killed at once; then nothing holds the filesystem.
# Usage: kill_users.sh FOLDER

. /vexlab/lib/capable.sh
point=$1
folder="$point"/users-; if can mkdir; then mkdir "$point"/users && folder="$point"/users/; fi
size=$(within file_size 50000)
user() {
    cd "$point" && exec 7<>"${folder}file$1"
    while :; do
        [ "$size" = 50000 ] || exec 7>"${folder}file$1"
        head -c "$size" /dev/zero >&7; rm -f "${folder}gone$1"; echo text >"${folder}gone$1"
        if can rename rename_over; then mv "${folder}gone$1" "${folder}moved$1"; fi
        if can fsync; then sync "${folder}file$1"; fi
    done
}
for n in 1 2 3 4 5 6 7 8 9 10; do user "$n" & pids="$pids $!"; done
sleep 2
kill -9 $pids
wait
exit 0
