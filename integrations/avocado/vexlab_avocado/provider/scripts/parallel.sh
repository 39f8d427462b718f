#!/bin/sh
# Four writers at once, each with files and a folder of its own, leave what they wrote.
. /vexlab/vt/lib.sh
make_mounted
for writer in 1 2 3 4; do
	(
		mkdir $MNT/$writer
		i=0
		while [ $i -lt 40 ]; do
			echo "$writer $i" >$MNT/$writer/$i && mv $MNT/$writer/$i $MNT/$writer/n$i || exit 1
			i=$((i + 1))
		done
	) &
	writers="$writers $!"
done
for pid in $writers; do wait "$pid" || die "a writer failed"; done
for writer in 1 2 3 4; do
	[ "$(ls $MNT/$writer | wc -l)" = 40 ] || die "files of writer $writer are missing"
	[ "$(cat $MNT/$writer/n39)" = "$writer 39" ] || die "a file of writer $writer changed"
done
unmount
check
unload
