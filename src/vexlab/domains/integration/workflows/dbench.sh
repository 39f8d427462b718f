# SPDX-License-Identifier: Apache-2.0
# dbench plays what a file server's clients did; it stops at the first answer that is not the recorded one.
mkdir -p "$MNT/dbench"
dbench -D "$MNT/dbench" -c /usr/share/dbench/client.txt -t "$STEP" "$3" >/tmp/dbench.out 2>&1 ||
    fail "dbench: $(tail -n 5 /tmp/dbench.out)"
# Without a System V semaphore its clients start one after another: not the filesystem's matter.
is "the lines of failed operations" "$(grep -iE 'fail|error|mismatch' /tmp/dbench.out | grep -v 'barrier semaphore' || true)" ""
grep -q '^Throughput' /tmp/dbench.out || fail "dbench tells no throughput: $(tail -n 5 /tmp/dbench.out)"
metric throughput_mibs "$(sed -n 's/^Throughput \([0-9.]*\) MB.*/\1/p' /tmp/dbench.out)"
