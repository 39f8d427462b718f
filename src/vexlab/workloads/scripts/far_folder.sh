#!/bin/bash
# With the first part of the device in use, new folders lie farther back. Prints the farthest by its inode's number.
# Runs take_first.py, which lies beside this program.
# Usage: far_folder.sh FOLDER BYTES

cd "$1" && python3 "${0%/*}/take_first.py" "$1" "$2" || exit
# shellcheck disable=SC2046 # names, each a word
sync && mkdir -p $(seq -f folder%g/below 9) && rm -r first && sync &&
stat -c '%i %n' folder?/below | sort -n | tail -n 1 | cut -d ' ' -f 2
