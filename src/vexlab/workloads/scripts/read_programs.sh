#!/bin/sh
# Reads programs, paths or names, of which it is not known what they do when they are run, and the libraries that they
# are linked with; a script's library is nowhere.
# Usage: read_programs.sh PROGRAM…
# shellcheck disable=SC2046 # paths, each a word

for program; do
    file=$(command -v "$program") || continue
    cat "$file" $(ldd "$file" 2>/dev/null | grep -o "/[^ )]*") >/dev/null 2>&1
done
exit 0
