# What common/rc of xfstests asks of a filesystem type by name, answered for one that it does not know.
# It is read at the end of common/rc, in the guest's own layer over the tree.

# Whether the filesystem is not known to lack a capability of vexlab's profile: _vexlab_able NAME
_vexlab_able()
{
	[[ $VEXLAB_ABLE = *" $1 "* ]]
}

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
	_vexlab_able seek_hole
}

_require_names_are_bytes()
{
	{ _vexlab_able exact_names && _vexlab_able case_sensitive; } ||
		_notrun "$FSTYP does not allow unrestricted byte streams for names"
}

# What has been synced is there after a power cut, and the filesystem whole; whether a journal does that is no matter.
_has_metadata_journaling()
{
	_vexlab_able survives_power_cut && return
	echo "$FSTYP does not support metadata journaling"
	return 1
}
