#!/bin/bash
# Runs hold_names.py, which lies beside this program, until all is held that it holds.
# Usage: hold_names.sh FOLDER

cd "$1" && . /vexlab/lib/capable.sh && many=many- && if can mkdir; then mkdir many && many=many/; fi || exit
# shellcheck disable=SC2046 # many names
touch $(seq -f $many%g "$(within dir_entries 200)") || exit
python3 "${0%.sh}.py" "$1" >/tmp/held 2>&1 &
for _ in $(seq 200); do grep -q held /tmp/held && exit 0; sleep 0.1; done
cat /tmp/held
exit 1
