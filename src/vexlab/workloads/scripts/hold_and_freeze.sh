#!/bin/bash
# Freezes, with a removed file open; the kernel writes back what is dirty after a second instead of half a minute.
# Usage: hold_and_freeze.sh FOLDER

. /vexlab/lib/capable.sh
echo 50 >/proc/sys/vm/dirty_writeback_centisecs
echo 100 >/proc/sys/vm/dirty_expire_centisecs
(exec 9>"$1"/held; echo held >&9; ! can unlink_open || rm "$1"/held
 echo open >/tmp/held; exec sleep 1000) </dev/null >/dev/null 2>&1 &
echo $! >/tmp/holder
while [ ! -e /tmp/held ]; do sleep 0.1; done
fsfreeze --freeze "$1"
