#!/bin/bash
# Reading and writing in place change nothing but times, which COMMAND tells. GRAIN is the whole seconds in which they
# are kept.
# Usage: change_times.sh FOLDER GRAIN COMMAND

. /vexlab/lib/capable.sh
grain=$2
mark() { t=$(stat -c %Y /tmp/then) && echo $((t - t % $1)); }
cd "$1" && seq 2000 >./read && seq 2000 >written || exit
# Of the time of access FAT keeps the day.
accessed=$grain
if can atime utimes; then
    touch -a -d @1000043211 written && [ "$(stat -c %X written)" = 999993600 ] && accessed=86400
fi
sync && sleep "$grain.1" && touch /tmp/then &&
cat read >/dev/null && printf x | dd of=written conv=notrunc status=none && eval "$3" &&
{ ! can atime || [ "$(stat -c %X read)" -ge "$(mark "$accessed")" ]; } &&
{ ! can mtime || [ "$(stat -c %Y written)" -ge "$(mark "$grain")" ]; }
