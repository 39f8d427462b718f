# watch_races.sh MODULE: from now on KCSAN tells of data races between the functions of a module, and of no others
# (Documentation/dev-tools/kcsan.rst). Until here it was off: the kernel's own races are none of a module's. It stays
# off where none of the functions can be listed, for without a list it tells of all. Prints how many are.
mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
races=/sys/kernel/debug/kcsan
[ -w "$races" ] || exit
echo off >"$races"
echo whitelist >"$races"
count=0
grep -F "[$1]" /proc/kallsyms >/tmp/races-of
while read -r _ kind name _; do
	case $kind in
	[tT]) echo "!$1:$name" >"$races" 2>/dev/null && count=$((count + 1)) ;;
	esac
done </tmp/races-of
# Of so many accesses on a processor one is watched: a module's are few among the kernel's.
[ $count = 0 ] || { echo 400 >/sys/module/kcsan/parameters/skip_watch && echo on >"$races"; }
echo $count
