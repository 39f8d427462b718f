#!/bin/busybox sh
# Starts a program of the suite with the libraries that came with it: launch NAME ARGUMENTS
here=${0%/*}
program=$1
shift
for loader in "$here"/lib/ld-linux*.so.* "$here"/lib/ld-musl*.so.*; do
	[ -e "$loader" ] && exec "$loader" --library-path "$here/lib" "$here/bin/$program" "$@"
done
exec "$here/bin/$program" "$@"
