#!/bin/bash
# Unmounts and mounts each in turn and prints the microseconds of the four; what mount(8) itself takes is in both.
# TARGET is NUMBER words: a folder and what mount is told beside it; so is REFERENCE.
# Usage: time_mounts.sh ROUNDS NUMBER TARGET REFERENCE

cycle() {
    a=${EPOCHREALTIME/./}; umount "$1" || exit
    b=${EPOCHREALTIME/./}; mount "${@:2}" "$1" || exit
    c=${EPOCHREALTIME/./}; echo $((b - a)) $((c - b))
}
for _ in $(seq "$1"); do cycle "${@:3:$2}"; cycle "${@:3+$2}"; done
