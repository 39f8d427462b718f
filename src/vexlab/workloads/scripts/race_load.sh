#!/bin/bash
# Four shells load (LOAD) and unload (NAME) as they like, ROUNDS times, while a fifth reads the lists. Losing a race
# (the module is there already, gone already, or just going) is no failure; anything else is printed. busybox's rmmod
# asks the kernel and nothing else, where kmod's looks into sysfs first and stumbles over a module that goes away
# meanwhile.

race() {
    for _ in $(seq "$ROUNDS"); do
        out=$($LOAD 2>&1) || case $out in
            *"File exists"*|*"Device or resource busy"*) ;;
            *) echo "load: $out" ;;
        esac
        out=$(busybox rmmod "$NAME" 2>&1) || case $out in
            *"No such file"*|*"temporarily unavailable"*|*"busy"*) ;;
            *) echo "unload: $out" ;;
        esac
    done
}
for _ in 1 2 3 4; do race & done
for _ in $(seq "$ROUNDS"); do cat /proc/modules /proc/filesystems >/dev/null; done
wait
exit 0
