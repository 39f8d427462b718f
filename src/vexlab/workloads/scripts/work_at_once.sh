#!/bin/sh
# What one round made is removed while the next is at work, so that blocks and inodes are taken and given back at once.
# Usage: work_at_once.sh FOLDER SECONDS FILES

. /vexlab/lib/capable.sh
up() { read -r seconds _ </proc/uptime; echo ${seconds%.*}; }
n=0 end=$(($(up) + $2))
while [ "$(up)" -lt $end ]; do
    n=$((n + 1)); round=$1
    if can mkdir rmdir; then round=$1/round$n; mkdir "$round" || exit; fi
    fsperf -n "$3" -t 4 small,write,scatter,rename,remove "$round" >/dev/null || exit
    wait
    if can mkdir rmdir; then /bin/rm -rf "$round" & else find "$round" -type f -exec /bin/rm -f {} +; fi
done
wait; echo $n
