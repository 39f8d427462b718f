# watch_races.sh MODULE: KCSAN tells of data races between the functions of a module, and of no others from now on
# (Documentation/dev-tools/kcsan.rst). Until here it was off: the kernel's own races are none of a module's.
mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
races=/sys/kernel/debug/kcsan
[ -w "$races" ] || exit 1
echo off >"$races"
echo whitelist >"$races"
grep -F "[$1]" /proc/kallsyms | while read -r _ kind name _; do
	case $kind in
	[tT]) echo "!$1:$name" ;;
	esac
done >/tmp/races-of
while read -r line; do
	echo "$line" >"$races"
done </tmp/races-of 2>/dev/null
# Of so many accesses on a processor one is watched: a module's are few among the kernel's.
echo 400 >/sys/module/kcsan/parameters/skip_watch
echo on >"$races"
