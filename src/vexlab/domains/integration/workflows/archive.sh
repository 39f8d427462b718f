# SPDX-License-Identifier: Apache-2.0
# Archives and copies: what comes out of tar, cpio and cp is what went in.
made() {
    mkdir tree
    fstree fill 31 250 tree >/tmp/ignored
    find tree -type s -exec rm {} +
    truncate -s 20M tree/sparse
    head -c 5000 /dev/urandom | dd of=tree/sparse bs=1000 seek=9000 conv=notrunc status=none
    fstree manifest tree >/tmp/tree
    fresh
    agrees /tmp/tree tree
    metric files_count "$(wc -l </tmp/tree)"
}

tarred() {
    tar --format=posix --xattrs --xattrs-include='*' --sparse --numeric-owner -C tree -cf tree.tar .
    [ "$(stat -c %s tree.tar)" -lt 15000000 ] || fail "tar found no hole: the archive has $(stat -c %s tree.tar) bytes"
    fresh
    mkdir untarred
    tar --xattrs --xattrs-include='*' --numeric-owner -C untarred -xpf tree.tar
    fresh
    agrees /tmp/tree untarred
    is "what tar finds changed" "$(tar --xattrs --xattrs-include='*' -C untarred -df tree.tar 2>&1 | grep -v 'socket' || true)" ""
    gzip -c tree.tar >tree.tar.gz
    fresh
    gzip -dc tree.tar.gz | cmp - tree.tar >&2 || fail "what gzip packed is not what it unpacks"
    CHECKS=$((CHECKS + 1))
    rm -r untarred tree.tar*
}

cpioed() { # knows no attributes and no part of a second
    (cd tree && find . | cpio -o -H newc 2>/dev/null) >tree.cpio
    mkdir uncpioed
    (cd uncpioed && cpio -idmu 2>/dev/null) <tree.cpio
    fresh
    is "the checksums of the unpacked files" "$(sums uncpioed)" "$(sums tree)"
    is "the unpacked names" "$(cd uncpioed && find . | sort)" "$(cd tree && find . | sort)"
    rm -r uncpioed tree.cpio
}

copied() {
    local how
    for how in --sparse=auto --sparse=always --reflink=auto; do
        cp -a "$how" tree "copy$how"
        agrees /tmp/tree "copy$how"
    done
    local taken
    taken=$(($(stat -c '%b * %B' ./copy--sparse=always/sparse)))
    [ "$taken" -lt 2000000 ] || fail "the sparse copy of 5000 bytes takes $taken bytes"
    cp --sparse=never tree/sparse dense
    same tree/sparse dense
    cp --sparse=always dense thin
    same dense thin
    # Not always less: xfs gives out blocks ahead of a writer, and a longer file then keeps them (xfs(5), allocsize).
    [ "$(stat -c %b thin)" -le "$(stat -c %b dense)" ] || fail "the sparse copy is larger"
    truncate -s 9000100 dense thin # in the middle of the only data
    truncate -s 9100000 dense thin
    fresh
    same dense thin
    is "the bytes after the cut" "$(tail -c +9000101 thin | tr -d '\0' | wc -c)" 0
    rm dense thin
}

kept() {
    agrees /tmp/tree tree
    agrees /tmp/tree ./copy--sparse=always
    mv ./copy--sparse=auto moved
    agrees /tmp/tree moved
}

"$STEP"
