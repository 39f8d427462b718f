#!/bin/bash
# Makes images that are no filesystem, or half of one.
# Usage: bad_images.sh DEVICE

modprobe loop; mkdir -p /tmp/images /mnt/none && cd /tmp/images && truncate -s 20M zeros &&
python3 -c 'import random, sys; sys.stdout.buffer.write(random.Random(1).randbytes(1 << 20))' >noise &&
truncate -s 20M noise && dd if="$1" of=half bs=512 count=200 status=none
