#!/bin/bash
# What the ordinary tools do with files has the effect it must have.
# Usage: use_files.sh FOLDER
# shellcheck disable=SC2010 # names of our own

set -e; trap 'echo "line $LINENO"' ERR; cd "$1"; . /vexlab/lib/capable.sh
echo first >a; echo second >>a; [ "$(cat a)" = "first
second" ] || { echo "appending lost something"; exit 1; }
cp a b && cmp a b
if can link; then ln a c && [ "$(stat -c %h a)" = 2 ]; else cp a c; fi
if can rename; then mv b d && [ ! -e b ]; else cp b d && rm b && [ ! -e b ]; fi
! can symlink || { ln -s a s && [ "$(cat s)" = "$(cat a)" ]; }
! can chmod || { chmod 640 a && ! can link || [ "$(stat -c %a c)" = 640 ]; }
size=$(within file_sparse 100000)
! can truncate_up || { truncate -s $size d && [ "$(stat -c %s d)" = $size ] &&
    [ "$(tail -c 10 d | tr -d '\0' | wc -c)" = 0 ]; }
head -c "$(within file_size 3000000)" /dev/urandom >big && cp big copy && sync && cmp big copy
can unlink || exit 0
! can symlink || rm s
rm a c d big copy; [ -z "$(ls | grep -v lost+found)" ] || { echo "left: $(ls)"; exit 1; }
