#!/bin/sh
# What a module that does not come with the kernel says of itself (MODULE_SOFTDEP, and what modpost has found in the
# kernel's Module.symvers): loaded when the machine is made, so that a load asks nothing. What fails here is told when
# the module itself does not load.
# Usage: load_own.sh MODULE_FILE

names=$(/sbin/modinfo -F depends "$1" | tr ',' ' ')
soft=$(/sbin/modinfo -F softdep "$1" | sed -n 's/ *post:.*//; s/^.*pre: *//p')
for name in $soft $names; do /sbin/modprobe -q "$name"; done
:
