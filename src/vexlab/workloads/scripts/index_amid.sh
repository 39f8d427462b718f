#!/bin/bash
# Indexes are made and taken away without a rest, and another file's fsync commits amid it.
# Usage: index_amid.sh FOLDER

cd "$1" || exit
(while :; do vexctl index collection --lists 20; vexctl index collection --drop; done) </dev/null >/dev/null 2>&1 &
for n in $(seq 12); do echo "$n" >other && sync other; done
