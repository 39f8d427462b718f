#!/bin/bash
# Read at the end of common/rc by a ./check that is started ahead (xfstests.sh), in the guest's own layer over the tree.
# ./check looks at the test filesystem last before its first test. There it waits for the name of a test, and goes on
# with that one.
# shellcheck disable=SC2034,SC2317 # what ./check reads and calls
if [ "${iam:-}" = check ] && [ -p "${VEXLAB_WAITING:-}/next" ]; then
	eval "vexlab$(declare -f _check_test_fs)"

	_check_test_fs()
	{
		local test waiting=$VEXLAB_WAITING

		unset VEXLAB_WAITING
		_check_test_fs() { vexlab_check_test_fs; }
		vexlab_check_test_fs
		echo ready >"$waiting/told"
		read -r test <"$waiting/next"
		list=tests/$test
	}
fi
