#!/bin/sh
# Runs a command again and again. A sample of the guest's memory follows every round.
# Usage: repeat.sh ROUNDS COMMAND WORD…

. /vexlab/lib/sample.sh
rounds=$1; shift
for _ in $(seq "$rounds"); do
    "$@" || exit
    sample
done
exit 0
