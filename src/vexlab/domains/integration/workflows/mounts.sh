# SPDX-License-Identifier: Apache-2.0
# One filesystem at several places, and two of them at once. $3: second mount point, $4: fstype, $5: device
SECOND=${3:-} FSTYPE=${4:-} DEVICE=${5:-}

# python CALL: a call that no tool makes just so; prints the error's name
call() {
    python3 -c "
import errno, os
try:
    $1
    print('OK')
except OSError as error:
    print(errno.errorcode[error.errno])
"
}

copies() { # from one to the other and back, with a move and a link that cannot be
    mkdir tree
    fstree fill 41 200 tree >/tmp/ignored
    find tree -type s -exec rm {} +
    fstree manifest tree >/tmp/tree
    cp -a tree "$SECOND/there" &
    cp -a tree beside
    wait $!
    agrees /tmp/tree "$SECOND/there"
    cp -a "$SECOND/there" back
    agrees /tmp/tree back
    agrees /tmp/tree beside
    echo text >file
    is "a rename to another filesystem" "$(call "os.rename('$MNT/file', '$SECOND/file')")" EXDEV
    is "a link to another filesystem" "$(call "os.link('$MNT/file', '$SECOND/file')")" EXDEV
    is "the file that was not renamed" "$(cat file)" text
    is "the name that was not made" "$(ls "$SECOND" | grep -vx lost+found)" there
    mv back "$SECOND/moved" # mv copies and removes
    agrees /tmp/tree "$SECOND/moved"
    is "what was moved away" "$(ls -d back 2>/dev/null || true)" ""
}

copied() {
    agrees /tmp/tree tree
    agrees /tmp/tree "$SECOND/there"
    agrees /tmp/tree "$SECOND/moved"
}

binds() { # the same files at other places; a read-only one refuses what the other allows
    mkdir -p data/inner /mnt/bind /mnt/readonly
    echo one >data/file
    mount --bind data /mnt/bind
    mount --bind data /mnt/readonly
    mount -o remount,bind,ro /mnt/readonly
    echo two >>/mnt/bind/file
    is "the file through the bind mount" "$(cat /mnt/readonly/file)" "$(printf 'one\ntwo')"
    refused "Read-only file system" touch /mnt/readonly/new
    refused "Read-only file system" rm /mnt/readonly/file
    refused "Read-only file system" mv /mnt/readonly/file /mnt/readonly/other
    ! can xattr || refused "Read-only file system" setfattr -n user.a -v 1 /mnt/readonly/file
    is "a rename from one bind mount to another" "$(call "os.rename('/mnt/bind/file', '$MNT/data/other')")" EXDEV
    is "a link from one bind mount to another" "$(call "os.link('/mnt/bind/file', '$MNT/data/other')")" EXDEV
    is "what lies under the bind mount" "$(ls data)" "$(printf 'file\ninner')"
    touch /mnt/bind/inner/made
    refused "busy" umount "$MNT" </dev/null 5<data/file
    umount /mnt/readonly
    umount /mnt/bind
    is "the directory that was a bind mount" "$(ls data/inner)" made
}

twice() { # mounted at two places at once; the first to go leaves the other
    mkdir -p /mnt/again
    echo one >file
    mount -i -t "$FSTYPE" "$DEVICE" /mnt/again
    is "the file at the other place" "$(cat /mnt/again/file)" one
    is "the inode at the other place" "$(stat -c %d:%i /mnt/again/file)" "$(stat -c %d:%i file)"
    echo two >/mnt/again/file
    mkdir /mnt/again/folder
    is "the file at the first place" "$(cat file)" two
    umount /mnt/again
    is "the file when one mount is gone" "$(cat file) $(ls -d folder)" "two folder"
}

remounts() { # read-only is refused as long as somebody writes or a removed file is open
    exec 7>>writing
    refused "busy" mount -i -o remount,ro "$MNT"
    echo still >&7
    exec 7>&-
    is "what was written after the refusal" "$(cat writing)" still
    echo gone >removed
    exec 7<removed
    rm removed
    refused "busy" mount -i -o remount,ro "$MNT"
    is "the removed file" "$(cat <&7)" gone
    exec 7<&-
    rm -f /tmp/enough
    (until [ -e /tmp/enough ]; do echo x >busy-1 && mv busy-1 busy-2 && rm busy-2 || true; done) 2>/tmp/writer.err &
    local turn changed=0
    for turn in $(seq 15); do
        if mount -i -o remount,ro "$MNT" 2>/dev/null; then
            changed=$((changed + 1))
            is "the options" "$(grep -c " $MNT $FSTYPE ro" /proc/mounts)" 1
            mount -i -o remount,rw "$MNT"
        fi
    done
    touch /tmp/enough
    wait
    is "the errors of the writer other than a read-only filesystem" \
        "$(grep -v -e 'Read-only file system' -e 'No such file' /tmp/writer.err || true)" ""
    metric readonly_count "$changed"
    rm -f busy-1 busy-2
}

lazy() { # unmounted under an open file, which goes on until it is closed
    echo before >open
    (
        cd /
        exec 7<>"$MNT/open" 8<"$MNT"
        umount -l "$MNT"
        is "what is mounted after a lazy unmount" "$(grep -c " $MNT " /proc/mounts || true)" 0
        echo after >&7
        : >/proc/self/fd/8/made
        is "the file that is open still" "$(cat /proc/self/fd/7)" after
        echo "metric checks_count 2"
    )
    cd /
    until_free "its last file is closed"
    mount -i -t "$FSTYPE" "$DEVICE" "$MNT"
    is "what was written after the unmount" "$(cat "$MNT/open") $(ls "$MNT/made")" "after $MNT/made"
}

# A mounted device cannot be had for oneself; it can when the last user of the filesystem has gone.
free_device() {
    [ "$(call "os.close(os.open('$DEVICE', os.O_RDONLY | os.O_EXCL))")" = OK ]
}

until_free() {
    local turn
    for turn in $(seq 40); do
        if free_device; then return; fi
        sleep 0.05
    done
    fail "the filesystem is in use although $1"
}

busy() { # whatever uses it keeps it from being unmounted, and no longer
    cp /bin/busybox busybox
    "$MNT/busybox" sleep 60 &
    cd /
    refused "busy" umount "$MNT"
    kill $!
    wait $! 2>/dev/null || true
    (cd "$MNT" && exec sleep 60) &
    until [ "$(readlink "/proc/$!/cwd")" = "$MNT" ]; do sleep 0.02; done
    refused "busy" umount "$MNT"
    kill $!
    wait $! 2>/dev/null || true
    (
        exec 7<"$MNT/busybox"
        refused "busy" umount "$MNT"
    )
    umount "$MNT"
    mount -i -t "$FSTYPE" "$DEVICE" "$MNT"
    CHECKS=$((CHECKS + 1))
}

namespaces() { # a mount in a namespace of its own: unseen outside, and gone with its last process
    mkdir -p inside outside
    rm -f /tmp/ready /tmp/go
    unshare -m --propagation private bash -c '
        set -e
        mount --bind "$0/inside" "$0/outside"
        echo there >"$0/outside/file"
        echo ready >/tmp/ready
        until [ -e /tmp/go ]; do sleep 0.02; done
        cat "$0/outside/file"
    ' "$MNT" >/tmp/said &
    until [ -e /tmp/ready ]; do
        kill -0 $! 2>/dev/null || fail "the namespace ended"
        sleep 0.02
    done
    is "the mount of the namespace, seen from outside" "$(ls outside)" ""
    is "what it made" "$(cat inside/file)" there
    cd /
    umount "$MNT" # the namespace has it still
    ! free_device || fail "the device is free although a namespace has it mounted"
    touch /tmp/go
    wait $! || fail "the namespace lost its mount"
    is "what the namespace read last" "$(cat /tmp/said)" there
    until_free "its namespace is gone"
    mount -i -t "$FSTYPE" "$DEVICE" "$MNT"
    is "the file after all" "$(cat "$MNT/inside/file")" there
}

"$STEP"
