#!/bin/bash
# What the ordinary tools do with directories has the effect it must have.
# Usage: use_directories.sh FOLDER

set -e; trap 'echo "line $LINENO"' ERR; cd "$1"; . /vexlab/lib/capable.sh
mkdir -p p/q/r && ! can rmdir || rmdir p/q/r && [ "$(stat -c %h p)" != 0 ]
! can rmdir || { ! rmdir p 2>/dev/null || { echo "a directory with names in it was removed"; exit 1; }; }
names=$(within dir_entries 100)
mkdir many; for n in $(seq $names); do : >many/name-$n; done
[ "$(ls many | wc -l)" = $names ] || { echo "$names names made, $(ls many | wc -l) listed"; exit 1; }
can unlink rmdir || exit 0
for n in $(seq 1 2 $names); do rm many/name-$n; done
[ "$(ls many | wc -l)" = $((names / 2)) ] || { echo "$((names / 2)) names left, $(ls many | wc -l) listed"; exit 1; }
if can rename_directory; then mv many p/q/; else mkdir p/q/many && : >p/q/many/name-2 && rm -r many; fi
[ -e p/q/many/name-2 ] && rm -r p && [ ! -e p ]
