#!/bin/bash
# Each changes a file or a name, and must say that it may not.
# Usage: try_readonly.sh FOLDER
# shellcheck disable=SC2010,SC2034 # names of our own; what is evaluated uses them

cd "$1" && name=$(ls | grep -vx lost+found | head -n 1) || exit
for change in 'touch new' 'rm -f "$name"' 'truncate -s 0 "$name"' 'echo more >>"$name"' 'mv "$name" moved'; do
    eval "$change" 2>/tmp/said && { echo "$change succeeds"; exit 1; }
    grep -q "Read-only file system" /tmp/said || { echo "$change says $(cat /tmp/said)"; exit 1; }
done
exit 0
