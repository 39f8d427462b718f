#!/bin/sh
# An empty file with an attribute becomes a collection; who adds to one or deletes from it as an ordinary user takes its
# setuid bit, as with any write (write(2)), and both change its times.
# Usage: collection_as_file.sh FOLDER   prints what is not so

cd "$1" && touch named && setfattr -n user.note -v kept named || exit
vexctl create named --dim 2 2>/dev/null || echo "an empty file with an attribute becomes no collection"
chmod 777 . && vexctl create shared --dim 2 && vexctl add shared 1 2 >/dev/null || exit
for change in "add shared 3 4" "delete shared 1"; do
    chmod 4777 shared
    # shellcheck disable=SC2086 # several words
    python3 -c 'import os, sys; os.setuid(1000); os.execvp("vexctl", sys.argv[1:])' vexctl $change >/dev/null || exit
    [ -u shared ] && echo "an ordinary user adds or deletes ($change), and the setuid bit stays"
done
for change in "add shared 5 6" "delete shared 2"; do
    touch -d "2001-01-01 00:00:00" shared && changed=$(stat -c %z shared) && sleep 0.1 || exit
    vexctl add shared 1 2 3 >/dev/null 2>&1 && { echo "a vector too long is added" >&2; exit 1; }
    [ "$(stat -c %Y%z shared)" = "978307200$changed" ] || echo "what was refused changes the times"
    # shellcheck disable=SC2086 # several words
    vexctl $change >/dev/null && echo 2 >/proc/sys/vm/drop_caches || exit
    [ "$(stat -c %Y shared)" -gt 978307200 ] || echo "a vector is added or deleted ($change), and mtime stays"
    [ "$(stat -c %z shared)" != "$changed" ] || echo "a vector is added or deleted ($change), and ctime stays"
done
exit 0
