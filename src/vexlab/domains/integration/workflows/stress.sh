# SPDX-License-Identifier: Apache-2.0
# stress-ng's stressors of the class "filesystem", one after another with --verify. Prints "stressor NAME STATUS".
# $3: seconds for each; the others: names of stressors
shift 2
SECONDS_EACH=$1
shift
mkdir -p "$MNT/stress"
for name in "$@"; do
    status=0
    timeout -k 5 "$((SECONDS_EACH * 10 + 40))" stress-ng --"$name" 2 --timeout "$SECONDS_EACH" --verify --oomable \
        --temp-path "$MNT/stress" >/tmp/stress.out 2>&1 || status=$?
    # A stressor that skips itself ends with 0; by stress-ng(1) 4 is what it could not do here.
    if [ "$status" = 0 ] && grep -qiE 'skipped: [1-9]|skipping' /tmp/stress.out; then status=4; fi
    echo "stressor $name $status"
    CHECKS=$((CHECKS + 1))
    [ "$status" = 0 ] || grep -iE 'fail|error|not |skip' /tmp/stress.out | sed "s/^/$name: /" | head -n 4 >&2 || true
done
is "what the stressors left" "$(ls -A "$MNT/stress")" ""
