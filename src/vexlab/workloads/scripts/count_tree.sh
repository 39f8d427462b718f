#!/bin/sh
# How many inodes the manifest names, without what mkfs makes (lost+found; mkfs.nilfs2: .nilfs); and the largest file's
# blocks of 512 bytes. A sum over all files says nothing where files share blocks (reflinks).
# Usage: count_tree.sh MANIFEST FOLDER

[ -s "$1" ] || { echo 0; exit 0; }
group='"group": *"\([^"\\]\|\\.\)*"'
grep -Ev '"path": *"(lost\+found|\.nilfs)"' "$1" | grep -o "$group" | sort -u | wc -l
find "$2" -xdev -type f -exec stat -c %b {} + 2>/dev/null | sort -n | tail -n 1
