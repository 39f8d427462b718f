#!/bin/bash
# Runs one test of xfstests in the guest:
# xfstests.sh TEST SECTION FSTYP CONFIG MKFS MKFS_SIZED FSCK SEEK_HOLE TEST_DEV RESULTS
set -u
test=$1 section=$2 fstyp=$3 config=$4 mkfs=$5 mkfs_sized=$6 fsck=$7 seek_hole=$8 test_dev=$9 results=${10}
suite=/vexlab/suite
place=/run/vexlab-xfstests
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
	# A type that xfstests has no words for: it runs mkfs.TYPE and fsck.TYPE, with what target.toml says of them.
	{
		echo '#!/bin/bash'
		echo 'words=("$@")'
		echo 'last=${words[-1]}'
		echo 'unset "words[-1]"'
		echo 'options=() && for word in "${words[@]}"; do [ "$word" = -- ] || options+=("$word"); done'
		# What xfstests adds goes before the last mention of the device.
		echo "set -- $(printf '%s' "$mkfs" |
			sed 's/\(.*\){device}/\1"${options[@]}" "$last"/; s/{device}/"$last"/g')"
		echo 'program=$(PATH=/vexlab/bin:$PATH type -P "$1") && shift && exec "$program" "$@"'
	} >"/sbin/mkfs.$fstyp"
	chmod 755 "/sbin/mkfs.$fstyp"
	program=$(PATH=/vexlab/bin:$PATH type -P "${fsck%% *}" || echo /bin/true)
	[ "$program" = "/sbin/fsck.$fstyp" ] || printf '#!/bin/bash\nexec %s "$@"\n' "$program" >"/sbin/fsck.$fstyp"
	chmod 755 "/sbin/fsck.$fstyp"
	cp $suite/overlay.sh common/vexlab
	printf '\n. ./common/vexlab\n' >>common/rc
	export VEXLAB_MKFS_SIZED=$mkfs_sized VEXLAB_SEEK_HOLE=$seek_hole
	;;
esac

# after /sbin, where the wrappers are
# /usr/local/bin holds busybox for what no package has
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin:/vexlab/bin
# shellcheck disable=SC2046,SC2086 # the command's words
made=$(mkfs -t "$fstyp" $(case $fstyp in ext*) echo -F ;; xfs | btrfs | f2fs) echo -f ;; esac) "$test_dev" 2>&1) ||
	fail "mkfs of the test device failed: $made"
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
export HOST=vexlab HOST_OPTIONS=local.config
export LC_ALL=C
./check -s "$section" "$test" 2>&1
