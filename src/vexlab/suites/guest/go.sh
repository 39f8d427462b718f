#!/bin/bash
# Has the ./check that waits (xfstests.sh, waiting.sh) run a test: go.sh TEST PLACE
set -u
test=$1 place=$2
exec 4<"$place/out" # before the test begins: what nobody has open when ./check ends is lost
cat <&4 &
reader=$!
echo "$test" >"$place/next"
read -r told <"$place/told"
# What a test left running may hold the pipe open for ever.
for _ in 1 2 3 4 5 6 7 8 9 10; do
	kill -0 $reader 2>/dev/null || break
	sleep 0.2
done
kill $reader 2>/dev/null
exit "${told#ended }"
