#!/bin/sh
# Counts to 10,000 and opens a file at each tenth step; prints the processor time that this took, as times(1) of a shell
# does: in user space, then in the kernel.
# Usage: time_calls.sh

i=0
while [ "$i" -lt 1000 ]; do
    : </dev/null
    j=0
    while [ "$j" -lt 9 ]; do j=$((j + 1)); done
    i=$((i + 1))
done
times
