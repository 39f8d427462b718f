# SPDX-License-Identifier: Apache-2.0
# What the filesystem under test can do, for shell scripts in the guest: `. /vexlab/lib/capable.sh`.

_profile="
$(cat /vexlab/profile 2>/dev/null || :)"

# can NAME...: whether none of these capabilities is known to be refused or broken
can() {
	for _name; do
		case $_profile in
		*"
$_name refused "* | *"
$_name broken "* | *"
$_name deadly "*) return 1 ;;
		esac
	done
}

# within NAME WANTED: prints WANTED, or half of the limit where an error was seen at a limit below that. A limit without
# an error is only where the search ended.
within() {
	_limit=$(echo "$_profile" | sed -n "s/^$1 [a-z]* \([0-9]*\) E.*/\1/p")
	if [ -n "$_limit" ] && [ "$_limit" -lt "$2" ]; then echo $((_limit / 2)); else echo "$2"; fi
}

# tick: prints the seconds after which a time that is kept is another one
tick() {
	_limit=$(echo "$_profile" | sed -n 's/^time_granularity works \([0-9]*\) .*/\1/p')
	if [ "${_limit:-0}" -gt 10000000 ]; then echo $((_limit / 1000000000 + 1)); else echo 0.02; fi
}
