#!/bin/bash
# Runs a test of xfstests in the guest, or several in turn where TEST names them with blanks between:
# xfstests.sh TEST SECTION FSTYP CONFIG MKFS MKFS_SIZED FSCK ABLE TEST_DEV RESULTS PLACE
# With an empty TEST ./check is only started; it then waits for go.sh, which tells it the test.
set -u
test=$1 section=$2 fstyp=$3 config=$4 mkfs=$5 mkfs_sized=$6 fsck=$7 able=$8 test_dev=$9 results=${10} place=${11}
suite=/vexlab/suite
# /usr/local/bin holds busybox, for what no package has.
programs=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin
known=" bcachefs btrfs ext2 ext3 ext4 f2fs gfs2 jfs ocfs2 udf xfs "

fail() {
	echo "vexlab: $*"
	exit 1
}

# The tree stays as the user has it: what is written goes to a layer in memory.
mkdir -p $place && mount -t tmpfs -o size=60% xfstests $place || fail "no memory for xfstests"
mkdir -p $place/upper $place/work $place/tree "$results" /mnt/test /mnt/scratch
mount -t overlay -o lowerdir=$suite/xfstests,upperdir=$place/upper,workdir=$place/work xfstests $place/tree ||
	fail "no writable layer over the tree"
[ -d $suite/own ] && mkdir -p "$place/tree/tests/$fstyp" && cp -r $suite/own/. "$place/tree/tests/$fstyp/"
cd $place/tree || exit 1

# What a package's postinst chooses elsewhere: busybox's awk knows no mathematics.
[ -e /usr/bin/awk ] || ln -s gawk /usr/bin/awk

add() { # NAME ID
	grep -q "^$1:" /etc/group || echo "$1:x:$2:" >>/etc/group
	grep -q "^$1:" /etc/passwd || echo "$1:*:$2:$2:$1:/tmp:/bin/bash" >>/etc/passwd
}
add daemon 1
add bin 2
add sys 3
add fsgqa 1000
add 123456-fsgqa 1001
add fsgqa2 1002

printf '%s' "$config" >local.config
case $known in
*" $fstyp "*) ;;
*)
	# A type that xfstests has no words for: it runs mkfs.TYPE and fsck.TYPE.
	/bin/bash $suite/wrappers.sh $place/bin "$fstyp" "$mkfs" "$fsck" "/vexlab/bin:$programs" || fail "no mkfs.$fstyp"
	cp $suite/overlay.sh common/vexlab
	printf '\n. ./common/vexlab\n' >>common/rc
	export VEXLAB_MKFS_SIZED=$mkfs_sized VEXLAB_ABLE=" $able "
	;;
esac

export PATH=$place/bin:$programs:/vexlab/bin
# shellcheck disable=SC2046,SC2086 # the command's words
made=$(mkfs -t "$fstyp" $(case $fstyp in ext*) echo -F ;; xfs | btrfs | f2fs) echo -f ;; esac) "$test_dev" 2>&1) ||
	fail "mkfs of the test device failed: $made"
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
export HOST=vexlab HOST_OPTIONS=local.config
export LC_ALL=C
# There is no udev to make the nodes in /dev/mapper, so libdevmapper is to do it.
export DM_DISABLE_UDEV=1
if [ -n "$test" ]; then
	# shellcheck disable=SC2086 # a word for each test
	./check -s "$section" $test 2>&1
	exit
fi

# The start of ./check takes as long as a short test, and is the same for all: waiting.sh holds it where the first test,
# any one, would begin. It writes to a pipe, which is open for reading, too, so that nothing waits for go.sh.
mkfifo $place/next $place/told $place/out || fail "no pipes for ./check"
cp $suite/waiting.sh common/vexlab-waiting
printf '\n. ./common/vexlab-waiting\n' >>common/rc
any=$(sed -n '/^[0-9]/{s/[[:space:]].*//;p;q}' tests/generic/group.list)
export VEXLAB_WAITING=$place
# shellcheck disable=SC2016 # the inner shell's words
setsid bash -c './check -s "$1" "generic/$2"; echo "ended $?" >"$3/told"' sh "$section" "$any" $place \
	</dev/null >/dev/null 1<>$place/out 2>&1 &
read -r told <$place/told
[ "$told" = ready ] && exit
timeout 1 cat $place/out
fail "./check came to no test: $told"
