# SPDX-License-Identifier: Apache-2.0
# Four writers append while the log is renamed, made again and compressed: every line is there once and whole.
cat >/tmp/writer.py <<'END'
import os, sys, zlib

path, name, least = sys.argv[1], sys.argv[2], int(sys.argv[3])
number = 0
while number < least or not os.path.exists("/tmp/enough"):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    for _ in range(1 + (number * 7 + ord(name)) % 23):  # then look for the log anew, as after a signal
        body = f"{name} {number} " + "x" * (number * 13 % 190)
        line = f"{body} {zlib.crc32(body.encode()):08x}\n".encode()
        if os.write(fd, line) != len(line):
            sys.exit("a short write")
        number += 1
    os.close(fd)
print(number)
END
cat >/tmp/judge.py <<'END'
import collections, sys, zlib

counts = dict(zip("abcd", map(int, sys.argv[1:])))
seen, last, torn = collections.Counter(), {}, 0
for line in sys.stdin.buffer:
    try:
        body, _, check = line.decode().rstrip("\n").rpartition(" ")
        name, number, _ = body.split(" ", 2)
        good = line.endswith(b"\n") and int(check, 16) == zlib.crc32(body.encode())
    except ValueError:
        good = False
    if not good:
        torn += 1
        continue
    seen[name, int(number)] += 1
wanted = {(name, number) for name, count in counts.items() for number in range(count)}
print(f"torn {torn} lost {len(wanted - set(seen))} twice {sum(n > 1 for n in seen.values())} strange {len(set(seen) - wanted)}")
END
LEAST=400 ROTATIONS=5

folder() { # where the logs lie
    if can mkdir; then
        [ -d "$MNT/logs" ] || mkdir "$MNT/logs"
        cd "$MNT/logs"
    fi
}

# Where nothing can be renamed, or a log may not grow while it is looked for anew: as many lines as it holds.
appended() {
    local pids=() least
    folder
    least=$(($(within file_size $((4 * 210 * LEAST))) / 840))
    touch /tmp/enough
    for name in a b c d; do python3 /tmp/writer.py app.log "$name" "$least" >"/tmp/wrote.$name" & pids+=($!); done
    for pid in "${pids[@]}"; do wait "$pid" || fail "a writer failed"; done
    metric lines_count "$(cat /tmp/wrote.? | awk '{ s += $1 } END { print s }')"
    whole
}

rotated() {
    folder
    local pids=() round=0 next
    rm -f /tmp/enough
    for name in a b c d; do python3 /tmp/writer.py app.log "$name" "$LEAST" >"/tmp/wrote.$name" & pids+=($!); done
    while [ "$round" -lt "$ROTATIONS" ]; do
        kill -0 "${pids[@]}" || fail "a writer ended by itself"
        # Of an older log nobody writes any more: each writer has looked for the new one since, or has ended.
        if [ "$round" -ge 2 ] && [ -e "app.log.$((round - 2))" ]; then
            next=app.log.$((round - 2))
            until quiet "$next"; do sleep 0.02; done
            gzip -c "$next" >"$next.gz.part"
            mv "$next.gz.part" "$next.gz"
            rm "$next"
        fi
        if [ -s app.log ]; then
            mv app.log "app.log.$round"
            round=$((round + 1))
        fi
        sleep 0.05
    done
    touch /tmp/enough
    for pid in "${pids[@]}"; do wait "$pid" || fail "a writer failed"; done
    metric rotations_count "$round"
    metric lines_count "$(cat /tmp/wrote.? | awk '{ s += $1 } END { print s }')"
    whole
}

quiet() { # no writer has the file open
    local file
    for file in /proc/[0-9]*/fd/*; do
        [ ! "$file" -ef "$1" ] || return 1
    done
}

whole() {
    folder
    find . -name '*.gz' -print0 | xargs -0 -r gzip -t
    is "what is wrong with the lines" "$({
        find . -name '*.gz' -print0 | sort -z | xargs -0 -r gzip -dc
        find . -type f ! -name '*.gz' -print0 | xargs -0 -r cat
    } | python3 /tmp/judge.py $(cat /tmp/wrote.?))" "torn 0 lost 0 twice 0 strange 0"
}

"$STEP"
