# SPDX-License-Identifier: Apache-2.0
# Before every workflow, after workloads/capable.sh: stop at the first command that fails and say which; count what was
# compared.
# The first argument is the mounted filesystem, the others are the script's own.
set -Eeuo pipefail
shopt -s inherit_errexit
NEWLINE=$'\n'
export LC_ALL=C TZ=UTC HOME=/tmp PATH="/vexlab/bin:$PATH"
trap 'status=$? COMMAND=${BASH_COMMAND//$NEWLINE/ }; echo "line $LINENO of $0: \`${COMMAND:0:300}\` ended with status $status" >&2' ERR
trap 'end_others; echo "metric checks_count $CHECKS"' EXIT
CHECKS=0
MNT=$1
STEP=${2:-}
cd "$MNT"

# What still runs in the background ends with the script, however that ends: whoever waits for the script's output waits
# for all that hold it. Loops end by themselves once /tmp/enough is there, the others by a signal.
end_others() {
    local pids
    touch /tmp/enough
    pids=$(jobs -p)
    # shellcheck disable=SC2086  # a word for each process
    [ -z "$pids" ] || kill $pids 2>/dev/null || true
}

fail() {
    echo "$*" >&2
    exit 1
}

# is WHAT GOT WANTED
is() {
    CHECKS=$((CHECKS + 1))
    [ "$2" = "$3" ] || fail "$1 is ${2:0:300}, not ${3:0:300}"
}

# same A B: two files have the same bytes
same() {
    CHECKS=$((CHECKS + 1))
    cmp "$1" "$2" >&2 || fail "$1 and $2 differ"
}

# agrees MANIFEST FOLDER: names, types, modes, owners, sizes, links, times, bytes and attributes are as written down
agrees() {
    CHECKS=$((CHECKS + 1))
    fstree verify "$1" "$2" >/tmp/verify.out || fail "$2 is not as written down: $(head -n 5 /tmp/verify.out)"
}

# refused ERROR COMMAND...: the command fails and its last word is the error's
refused() {
    local want=$1 said
    shift
    CHECKS=$((CHECKS + 1))
    if said=$("$@" 2>&1); then fail "\`$*\` succeeds, and should say: $want"; fi
    [[ $said == *"$want"* ]] || fail "\`$*\` says $said, and should say: $want"
}

# fresh: what is read next comes from the disk
fresh() {
    sync
    echo 3 >/proc/sys/vm/drop_caches
}

# grow FILE SIZE: the file becomes so long, with zeros
grow() {
    if can truncate_up; then truncate -s "$2" "$1"; else dd if=/dev/zero of="$1" bs=1 seek="$(($2 - 1))" count=1 conv=notrunc status=none; fi
}

# sums FOLDER: the SHA-256 of every file, by name
sums() {
    (cd "$1" && find . -type f -print0 | sort -z | xargs -0 -r sha256sum)
}

metric() {
    echo "metric $1 $2"
}
