# SPDX-License-Identifier: Apache-2.0
# A bank: writers move money between accounts and keep a ledger, readers add everything up. $2: step, $3: journal mode
MODE=${3:-}
ACCOUNTS=40 WRITERS=3 MOVES=60 START=1000
BANK="$MNT/bank-$MODE.db"

sql() {
    sqlite3 -bail -cmd ".timeout 60000" "$BANK" "$@"
}

create() {
    sql "PRAGMA page_size = 4096; PRAGMA journal_mode = $MODE" >/tmp/mode
    is "the journal mode" "$(cat /tmp/mode)" "$MODE"
    {
        echo "CREATE TABLE account(id INTEGER PRIMARY KEY, money INTEGER NOT NULL CHECK (money >= 0));"
        echo "CREATE TABLE ledger(id INTEGER PRIMARY KEY, writer, number, source, goal, amount, note);"
        echo "CREATE UNIQUE INDEX once ON ledger(writer, number); CREATE INDEX by_note ON ledger(note);"
        echo "BEGIN;"
        for n in $(seq "$ACCOUNTS"); do echo "INSERT INTO account VALUES($n, $START);"; done
        echo "COMMIT;"
    } | sql
}

# moves N COUNT: COUNT transactions of two updates and a row each; each says its number when it is committed
moves() {
    local n from to amount
    echo "PRAGMA synchronous = ${SYNC:-NORMAL};"
    for n in $(seq "$2"); do
        from=$(((n * 7 + $1 * 3) % ACCOUNTS + 1)) to=$(((n * 11 + $1) % ACCOUNTS + 1)) amount=$((n % 5 + 1))
        echo "BEGIN IMMEDIATE;"
        echo "UPDATE account SET money = money - $amount WHERE id = $from;"
        echo "UPDATE account SET money = money + $amount WHERE id = $to;"
        echo "INSERT INTO ledger(writer, number, source, goal, amount, note)" \
            "VALUES($1, $n, $from, $to, $amount, hex(randomblob($((n * 37 % 1500)))));"
        echo "COMMIT;"
        echo "SELECT 'committed $1 $n';"
    done
}

reader() { # at every moment all the money is there
    local sum
    while [ ! -e /tmp/enough ]; do
        sum=$(sql "SELECT sum(money) FROM account")
        [ "$sum" = "$((ACCOUNTS * START))" ] || { echo "a reader counts $sum" >>/tmp/wrong; return; }
    done
}

audit() { # the ledger explains every account, and the file is what a database must be
    is "what the integrity check of $MODE says" "$(sql "PRAGMA integrity_check")" ok
    is "the money in the bank" "$(sql "SELECT sum(money) FROM account")" "$((ACCOUNTS * START))"
    is "the number of accounts that the ledger does not explain" "$(sql "
        SELECT count(*) FROM account WHERE money != $START
            - (SELECT total(amount) FROM ledger WHERE source = account.id)
            + (SELECT total(amount) FROM ledger WHERE goal = account.id)")" 0
}

failed() { # who, with which status
    fail "$1 failed with status $2: $(head -n 1 "/tmp/errors.$1")"
}

load() {
    create
    rm -f /tmp/enough /tmp/wrong /tmp/said.*
    local readers=() writers=()
    # Their errors go to files: a reader that waits for a lock would else keep the script's own words back that long.
    for n in 1 2; do reader 2>"/tmp/errors.reader$n" & readers+=($!); done
    for n in $(seq "$WRITERS"); do
        { moves "$n" "$MOVES" | sql >"/tmp/said.$n"; } 2>"/tmp/errors.writer$n" & writers+=($!)
    done
    for n in $(seq "$WRITERS"); do wait "${writers[n - 1]}" || failed "writer$n" $?; done
    touch /tmp/enough
    for n in 1 2; do wait "${readers[n - 1]}" || failed "reader$n" $?; done
    is "what the readers say" "$(cat /tmp/wrong 2>/dev/null || true)" ""
    is "the number of committed moves" "$(sql "SELECT count(*) FROM ledger")" "$((WRITERS * MOVES))"
    metric transactions_count "$((WRITERS * MOVES))"
    audit
    fresh
    audit
    [ "$MODE" != delete ] || is "the journal left" "$(ls "$BANK"-* 2>/dev/null || true)" ""
    sql "DELETE FROM ledger WHERE number > $((MOVES / 2)) AND 0; VACUUM; PRAGMA optimize"
    audit
}

# A writer dies in the middle, again and again: what it said is committed is there, of the rest nothing or all of it.
killed() {
    SYNC=FULL
    moves 1 3000 >/tmp/moves
    for round in 1 2 3; do
        sql "DELETE FROM ledger; UPDATE account SET money = $START"
        : >/tmp/said
        stdbuf -oL sqlite3 -bail "$BANK" </tmp/moves >/tmp/said &
        until [ "$(wc -l </tmp/said)" -gt "$((round * 9))" ]; do
            kill -0 $! 2>/dev/null || fail "the writer ended by itself"
            sleep 0.02
        done
        kill -9 $!
        wait $! 2>/dev/null || true
        [ "$round" != 2 ] || fresh
        audit
        local last rows
        last=$(tail -n 1 /tmp/said | cut -d' ' -f3)
        rows=$(sql "SELECT count(*) FROM ledger")
        [ "$rows" -ge "$last" ] || fail "$last moves were committed, $rows are in the ledger"
        is "the number of the last move" "$(sql "SELECT max(number) FROM ledger")" "$rows"
    done
    fresh
    audit
}

"$STEP"
