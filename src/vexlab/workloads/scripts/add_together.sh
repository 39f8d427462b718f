#!/bin/bash
# Four add 20 batches each while two search; then every batch must be there.
# Usage: add_together.sh COLLECTION VECTORS

add() { for n in $(seq 20); do vexctl add-many "$1" "$2" --batch 5 >/dev/null || echo "add $n failed"; done; }
look() { for n in $(seq 20); do vexctl search "$1" -k 5 --from "$2" --row 0 >/dev/null || echo "look $n failed"; done; }
for _ in 1 2 3 4; do add "$@" & done
look "$@" & look "$@" &
wait
