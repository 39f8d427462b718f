# SPDX-License-Identifier: Apache-2.0
# rsync copies a tree of every kind of file, follows its changes, and keeps generations that share files by links.
# By default rsync takes times within one second for the same (its manual: --modify-window), and so leaves them.
X=X
can xattr || X=
FLAGS=("-aH${X}S" --numeric-ids --modify-window=-1)

# equal A B: rsync reads both and finds nothing to do, not even a time
equal() {
    is "what rsync would change in $2" "$(rsync "${FLAGS[@]}" --delete --checksum --dry-run --itemize-changes "$1/" "$2/")" ""
}

sparse() { # 40 MB of which 12 KiB are data
    truncate -s 40M source/sparse
    for at in 0 5000 10239; do
        head -c 4096 /dev/urandom | dd of=source/sparse bs=4096 seek="$at" conv=notrunc status=none
    done
}

copied() {
    mkdir source copy
    fstree fill 21 250 source >/tmp/ignored
    sparse
    seq 400000 >source/large
    find source -type s -exec rm {} + # a socket is nobody's to copy
    fstree manifest source >/tmp/source
    rsync "${FLAGS[@]}" source/ copy/
    agrees /tmp/source copy
    equal source copy
    local taken
    taken=$(($(stat -c '%b * %B' copy/sparse | tr -d '\n')))
    [ "$taken" -lt 4000000 ] || fail "the copy of 12 KiB in a hole of 40 MB takes $taken bytes"
    metric files_count "$(wc -l </tmp/source)"
}

change() {
    local n
    mkdir source/new source/from source/from/inner source/to
    for n in $(seq 60); do echo "new $n" >"source/new/name-$n"; done
    ln source/new/name-1 source/new/link
    ln -s name-2 source/new/symlink
    [ -z "$X" ] || setfattr -n user.note -v changed source/new/name-3
    [ -z "$X" ] || setfattr -n user.not -v shorter source/new/name-3
    [ -z "$X" ] || setfattr -n user.note.longer -v longer source/new/name-3
    echo more >>source/large
    dd if=/dev/urandom of=source/large bs=1000 seek=777 count=3 conv=notrunc status=none
    mv source/from/inner source/to/inner
    truncate -s 30000100 source/sparse
    # another content of the same size and time, which only --checksum can find
    touch -r source/new/name-4 /tmp/time
    echo "old 4" >source/new/name-4
    touch -r /tmp/time source/new/name-4
    touch -d '2001-02-03 04:05:06.123456789' source/new/name-5
    chmod 2750 source/new
}

updated() {
    change
    fstree manifest source >/tmp/source
    rsync "${FLAGS[@]}" --delete source/ copy/
    agrees /tmp/source copy
    rm -r source/to source/new/name-1* source/large
    mv source/new source/renamed
    echo "odd 4" >source/renamed/name-4
    touch -r /tmp/time source/renamed/name-4
    fstree manifest source >/tmp/source
    rsync "${FLAGS[@]}" --delete-after --checksum --fuzzy source/ copy/
    agrees /tmp/source copy
    equal source copy
    # in place, block by block
    seq 400000 | tac >source/large
    rsync "-aH$X" --numeric-ids --modify-window=-1 --inplace --no-whole-file --delete source/ copy/
    same source/large copy/large
    equal source copy
}

generations() {
    local n links
    for n in 1 2 3; do
        echo "generation $n" >"source/generation-$n"
        rsync "${FLAGS[@]}" --link-dest=../copy source/ "backup-$n/"
        equal source "backup-$n"
    done
    links=$(stat -c %h copy/renamed/name-20)
    is "the links of a file in three generations" "$links" 4
    is "their inodes" "$(stat -c %i backup-?/renamed/name-20 copy/renamed/name-20 | sort -u | wc -l)" 1
    rm -r backup-1 backup-2
    is "its links when two are gone" "$(stat -c %h backup-3/renamed/name-20)" 2
    fstree manifest source >/tmp/source
}

kept() {
    agrees /tmp/source source
    equal source backup-3
    rm -r copy
    is "its links in the last generation" "$(stat -c %h backup-3/renamed/name-20)" 1
    equal source backup-3
}

"$STEP"
