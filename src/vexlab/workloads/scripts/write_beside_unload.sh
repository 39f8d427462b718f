#!/bin/bash
# Four write files, ROUNDS each, and find their own again, while the module NAME is mounted and unloaded: prints what is
# not so.

. /vexlab/lib/capable.sh
in=-; ! can mkdir || in=/
worker() {
    [ $in = - ] || mkdir "/mnt/test/w$1" || { echo "mkdir w$1 failed"; return; }
    for n in $(seq "$ROUNDS"); do
        echo "worker $1 round $n" >"/mnt/test/w$1${in}f$n" || echo "write $1/$n failed"
        [ "$(cat "/mnt/test/w$1${in}f$n")" = "worker $1 round $n" ] || echo "worker $1 read other data in round $n"
        busybox rmmod "$NAME" 2>/dev/null && echo "unloaded while mounted"
    done
}
for number in 1 2 3 4; do worker "$number" & done
wait
for number in 1 2 3 4; do
    count=$(ls -d "/mnt/test/w$number${in}"f* | wc -l)
    [ "$count" = "$ROUNDS" ] || echo "w$number holds $count files, not $ROUNDS"
done
exit 0
