# SPDX-License-Identifier: Apache-2.0
# fio writes blocks that carry their own checksum, and reads them back: at once, and from the disk after a mount.
cat >/tmp/verify.fio <<'END'
[global]
directory=${MNT}
verify=crc32c
verify_fatal=1
verify_dump=0
ioengine=psync
fallocate=none
randrepeat=1
randseed=8
unlink=0
group_reporting=0

[sequential]
rw=write
bs=64k
size=16m

[random]
rw=randwrite
bs=4k
size=8m

[odd]
rw=randwrite
bsrange=512-24k
bs_unaligned=1
size=6m

[mapped]
ioengine=mmap
rw=randwrite
bs=4k
size=6m

[synced]
rw=randwrite
bs=8k
size=2m
fsync=16

[many]
rw=write
bs=16k
nrfiles=40
size=5m
numjobs=2
END

run() {
    MNT=$MNT fio /tmp/verify.fio --output-format=json --output=/tmp/fio.json "$@" >&2 ||
        fail "fio: $(grep -v '^[ {}]' /tmp/fio.json | head -n 5)"
    # one number: the bytes that fio read to check them
    python3 - "$@" <<'END' >/tmp/verified || fail "fio reports errors"
import json, sys

text = open("/tmp/fio.json").read()
jobs = json.loads(text[text.index("{"):])["jobs"]
bad = [job["jobname"] for job in jobs if job["error"]]
if bad or len(jobs) != 7:
    sys.exit(f"{len(jobs)} jobs, errors in {bad}")
print(sum(job["read"]["io_bytes"] for job in jobs))
END
    CHECKS=$((CHECKS + 1))
    [ "$(cat /tmp/verified)" -gt 40000000 ] || fail "fio verified only $(cat /tmp/verified) bytes"
}

written() {
    run --do_verify=1
    cp /tmp/verified /tmp/verified.first
    metric verified_bytes "$(cat /tmp/verified)"
}

again() { # the same jobs, without writing
    run --verify_only
    is "the number of bytes verified again" "$(cat /tmp/verified)" "$(cat /tmp/verified.first)"
}

"$STEP"
