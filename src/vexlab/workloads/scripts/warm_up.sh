#!/bin/sh
# Runs once what cases run, with what it links and imports; of what the guest does not have there is nothing to read.

exec </dev/null >/dev/null 2>&1
python3 -c "import array, ctypes, errno, fcntl, mmap, os, random, resource, signal, struct, subprocess, threading, time"
bash -c "ls -l / | sort | head -n 1 | tr a b; mkdir -p /tmp/warm && cp -r /etc /tmp/warm && rm -r /tmp/warm"
find /run -maxdepth 1 -print0 | xargs -0 stat -c %i
seq 3 | sha1sum; dd if=/dev/zero bs=512 count=1; sync; truncate -s 0 /tmp/warm && rm /tmp/warm
fsfreeze --version; losetup --version; blockdev --version; mountpoint /; setfattr --version; getfattr --version
