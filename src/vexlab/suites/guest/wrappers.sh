#!/bin/bash
# Makes mkfs.TYPE and fsck.TYPE of what target.toml says, for a type that xfstests does not know:
# wrappers.sh FOLDER TYPE MKFS FSCK PATH
# PATH is where they look for programs: not in FOLDER, as the real ones may have the same names.
set -eu
folder=$1 fstyp=$2 mkfs=$3 fsck=$4 programs=$5
mkdir -p "$folder"
{
	printf '#!/bin/bash\nPATH=%s\n' "$programs"
	echo 'words=("$@")'
	echo 'last=${words[-1]}'
	echo 'unset "words[-1]"'
	echo 'options=() && for word in "${words[@]}"; do [ "$word" = -- ] || options+=("$word"); done'
	# What xfstests adds goes before the last mention of the device.
	echo "exec $(printf '%s' "$mkfs" | sed 's/\(.*\){device}/\1"${options[@]}" "$last"/; s/{device}/"$last"/g')"
} >"$folder/mkfs.$fstyp"
{
	printf '#!/bin/bash\nPATH=%s\n' "$programs"
	# To check, the target's own command; to repair, its program as xfstests calls it.
	echo "case \" \$* \" in *' -n '*) exec $(printf '%s' "$fsck" | sed 's/{device}/"${@: -1}"/g') ;; esac"
	echo "exec ${fsck%% *} \"\$@\""
} >"$folder/fsck.$fstyp"
chmod 755 "$folder/mkfs.$fstyp" "$folder/fsck.$fstyp"
