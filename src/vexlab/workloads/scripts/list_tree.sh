#!/bin/sh
# What is in a folder, without times, which no filesystem promises to write at once.
# Usage: list_tree.sh FOLDER

cd "$1" || exit
find . ! -name lost+found | sort | xargs stat -c '%N %F %h %a %u %g'
find . -type f | sort | xargs -r sha1sum
find . -type f | sort | xargs -r getfattr -d 2>/dev/null
exit 0
