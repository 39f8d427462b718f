#!/bin/bash
# Prints each task that is blocked in the kernel, and where.

for stat in /proc/[0-9]*/stat; do
    read -r line 2>/dev/null <"$stat" || continue
    state=${line##*) }; name=${line#*(}
    [ "${state%% *}" = D ] && echo "${name%%)*} is blocked: $(head -3 "${stat%stat}stack" | tr '\n' ' ')"
done
exit 0
