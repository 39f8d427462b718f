# SPDX-License-Identifier: GPL-2.0
# What the tests of this folder share. Each prints nothing where all is well.

# Trees of before 2025 mount the device of dm-flakey by functions of their own. In later ones it is $SCRATCH_DEV.
if ! declare -F _mount_flakey >/dev/null; then
	_mount_flakey() { _scratch_mount; }
	_unmount_flakey() { _scratch_unmount; }
fi

_require_vexfs()
{
	[ "$FSTYP" = vexfs ] || _notrun "only for vexfs"
	_require_scratch
	_require_command "$(type -P vexctl)" vexctl
}

# Old images: beside the tests (old/), or where VEXFS_OLD_IMAGES says.
_require_old_image()
{
	old_image=${VEXFS_OLD_IMAGES:-$here/tests/vexfs/old}/$1
	[ -f "$old_image" ] || _notrun "no old image $1 in ${VEXFS_OLD_IMAGES:-tests/vexfs/old}"
	_require_command "$(type -P xz)" xz
}

# Vectors of a fixed sequence, a line each, components in thousandths between -1 and 1: _vectors COUNT DIM SEED
_vectors()
{
	$AWK_PROG -v count=$1 -v dim=$2 -v x=$3 'BEGIN {
		for (i = 0; i < count; i++) {
			line = ""
			for (j = 0; j < dim; j++) {
				x = (x * 1103515245 + 12345) % 2147483648
				line = line sprintf("%s%.3f", j ? " " : "", int(x / 65536) % 2001 / 1000 - 1)
			}
			print line
		}
	}'
}

# Distances of every vector of a file to a query, as `number distance`: _distances METRIC FILE "QUERY"
_distances()
{
	$AWK_PROG -v metric=$1 -v query="$3" 'BEGIN { dim = split(query, q, " ") }
	{
		sum = dot = a = b = 0
		for (j = 1; j <= dim; j++) {
			d = $j - q[j]
			dot += $j * q[j]; a += $j * $j; b += q[j] * q[j]
			sum += metric == "manhattan" ? (d < 0 ? -d : d) : d * d
		}
		if (metric == "euclidean") value = sqrt(sum)
		else if (metric == "manhattan") value = sum
		else if (metric == "dot") value = -dot
		else value = a && b ? 1 - dot / sqrt(a * b) : 1
		printf "%d %.9f\n", NR, value
	}' $2
}

# A collection on the scratch filesystem: _collection NAME DIM METRIC FILE; sets first_id.
_collection()
{
	vexctl create $SCRATCH_MNT/$1 --dim $2 --metric $3 >>$seqres.full 2>&1 || echo "$1 is not created"
	vexctl add-many $SCRATCH_MNT/$1 $4 --format text >$tmp.added 2>>$seqres.full || echo "vectors are not added to $1"
	cat $tmp.added >>$seqres.full
	first_id=$(sed -n 's/.*first id \([0-9]*\).*/\1/p' $tmp.added)
	: ${first_id:=1}
}

# The nearest ten are those at the ten smallest exact distances: _check_search NAME METRIC FILE "QUERY"
_check_search()
{
	vexctl search $SCRATCH_MNT/$1 -k 10 -- $4 >$tmp.found 2>>$seqres.full || echo "search in $1 failed"
	_distances $2 $3 "$4" | sort -g -k2 -k1n | head -n 10 >$tmp.exact
	$AWK_PROG -v first=$first_id 'NR == FNR { want[NR] = $2; n = NR; next }
		{
			found++; d = $2 - want[found]
			if (d > 0.00001 || d < -0.00001) printf "result %d is at %s instead of %s\n", found, $2, want[found]
		}
		END { if (found != n) printf "%d of %d results\n", found, n }' $tmp.exact $tmp.found
}

_live()
{
	vexctl --json stats $SCRATCH_MNT/$1 2>>$seqres.full | sed -n 's/.*"live": *\([0-9]*\).*/\1/p'
}

# A command that must be refused; what it says goes to the log.
_refused()
{
	"$@" >>$seqres.full 2>&1 && echo "not refused: $*"
}

# Where a field lies in the device, in bytes: _offset NAME
_offset()
{
	dumpvexfs --fields $SCRATCH_DEV 2>>$seqres.full | sed -n "s/.*\"name\": *\"$1\".*\"offset\": *\([0-9]*\).*/\1/p" | head -n 1
}

# Change the bytes of a field: _damage NAME
_damage()
{
	local at=$(_offset "$1")

	[ -n "$at" ] || _notrun "dumpvexfs names no field $1"
	echo "$1 is at $at" >>$seqres.full
	printf '\377\176\377\176' | dd of=$SCRATCH_DEV bs=1 seek=$at conv=notrunc,fsync >>$seqres.full 2>&1
}
