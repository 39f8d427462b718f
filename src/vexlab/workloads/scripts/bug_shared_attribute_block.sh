#!/bin/bash
# Attributes whose names begin alike are taken for each other.
# Runs after workflows/prelude.sh, in the mounted filesystem.

echo x >file
setfattr -n user.abc -v long file
refused "No such attribute" getfattr --only-values -n user.ab file
setfattr -n user.ab -v short file
setfattr -n user.a -v shortest file
is "the attributes" "$(getfattr -d file | grep user | sort | tr '\n' ' ')" \
    'user.a="shortest" user.ab="short" user.abc="long" '
setfattr -x user.a file
is "the others" "$(getfattr -d file | grep user | sort | tr '\n' ' ')" 'user.ab="short" user.abc="long" '
