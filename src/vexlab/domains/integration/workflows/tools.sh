# SPDX-License-Identifier: Apache-2.0
# Everyday work on large files: sort with temporary files, split and join, find and xargs, edits in place, mappings.
sorted() {
    awk 'BEGIN { srand(5); for (n = 1; n <= 60000; n++) printf "%08d %d %s\n", rand() * 1e8, n, "filler" n * 7 }' >large
    mkdir temporary
    sort -S 1M --parallel=2 -T temporary large >one
    sort -C one || fail "what sort wrote is not sorted"
    is "the lines, in any order" "$(sort -k2n -S 64M -T /tmp one | md5sum)" "$(md5sum <large)"
    is "the temporary files left" "$(ls temporary)" ""
    fresh
    sort -S 1M -T temporary -r one >two
    tac two >three
    same one three
    split -n l/7 -d one part.
    cat part.0* >joined
    same one joined
    split -b 333333 -d one byte.
    cat byte.* >joined
    same one joined
    rm part.* byte.* joined
    metric lines_count "$(wc -l <one)"
}

found() {
    mkdir many
    (cd many && seq 3000 | xargs -n 500 touch && mkdir sub-{1..20})
    is "the names that find sees" "$(find many -type f | wc -l)" 3000
    is "the names that ls sees" "$(ls many | wc -l)" 3020
    seq 3000 | while read -r n; do echo "$n" >"many/$n"; done
    find many -type f -print0 >/tmp/list
    xargs -0 -n 200 -P 2 sed -i 's/^/number /' </tmp/list
    is "the sum after editing in place" "$(find many -type f -exec cat {} + | awk '{ s += $2 } END { print s }')" 4501500
    find many -type f -name '*7*' -print0 | xargs -0 rm
    is "the names left" "$(find many -type f | wc -l)" "$(seq 3000 | grep -vc 7)"
    fresh
    is "the names left on disk" "$(ls -f many | grep -c '^[0-9]')" "$(seq 3000 | grep -vc 7)"
    is "the links of the directory" "$(stat -c %h many | sed 's/^1$/22/')" 22
}

mapped() {
    cat >/tmp/mapped.py <<'END'
import hashlib, mmap, os, random, sys

path, size = sys.argv[1], 6 << 20
rng = random.Random(8)
fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
os.ftruncate(fd, size)
os.pwrite(fd, b"tail" * 1024, size - 4096)  # data after the holes
model = bytearray(size)
model[-4096:] = b"tail" * 1024
view = mmap.mmap(fd, size)
for turn in range(400):
    at, length = rng.randrange(size - 9000), rng.randrange(1, 9000)
    data = rng.randbytes(length)
    if turn % 3:
        view[at:at + length] = data
    else:
        os.pwrite(fd, data, at)
    model[at:at + length] = data
    if turn % 50 == 0:
        view.flush()
        if os.pread(fd, 9000, at) != bytes(model[at:at + 9000]):
            sys.exit(f"read and mapping differ at {at}")
child = os.fork()
if not child:  # another process, by a mapping of its own
    other = mmap.mmap(os.open(path, os.O_RDWR), size)
    other[4097:8190] = b"c" * 4093
    os._exit(0)
if os.waitpid(child, 0)[1]:
    sys.exit("the child failed")
model[4097:8190] = b"c" * 4093
if bytes(view) != bytes(model):
    sys.exit("the mapping is not what was stored")
print(hashlib.sha256(model).hexdigest())
END
    python3 /tmp/mapped.py mapped >/tmp/mapped.sum
    is "the mapped file" "$(sha256sum <mapped | cut -d' ' -f1)" "$(cat /tmp/mapped.sum)"
    fresh
    is "the mapped file on disk" "$(sha256sum <mapped | cut -d' ' -f1)" "$(cat /tmp/mapped.sum)"
    mkdir bin
    cp /bin/busybox bin/busybox
    fresh
    is "a program run from here" "$(bin/busybox echo it works)" "it works"
    sums "$MNT" >/tmp/sums
}

kept() {
    sums "$MNT" >/tmp/sums.now
    same /tmp/sums /tmp/sums.now
    is "the mapped file after mount" "$(sha256sum <mapped | cut -d' ' -f1)" "$(cat /tmp/mapped.sum)"
}

"$STEP"
