# What common/rc of xfstests asks of a filesystem type by name, answered for one that it does not know.
# It is read at the end of common/rc, in the guest's own layer over the tree.

# A filesystem of SIZE bytes on the scratch device, by the target's `mkfs_sized`.
_try_scratch_mkfs_sized()
{
	local size=$1 command=$VEXLAB_MKFS_SIZED

	[ -n "$command" ] || _notrun "target.toml has no mkfs_sized for $FSTYP"
	command=${command//\{device\}/$SCRATCH_DEV}
	command=${command//\{kib\}/$((size / 1024))}
	# Above the size of the device nothing can be made.
	[ "$size" -le "$(blockdev --getsize64 "$SCRATCH_DEV")" ] || _notrun "Scratch device too small"
	$command
}

# Whether SEEK_HOLE finds holes; a filesystem for which a whole file is data has the default behaviour.
_fstyp_has_non_default_seek_data_hole()
{
	[ "$VEXLAB_SEEK_HOLE" = yes ]
}
