#!/bin/sh
# Where a module that unloads may leave something behind: slab caches, files in proc, sysfs and debugfs, devices, kernel
# threads (kworkers come and go by themselves, see kernel/workqueue.c).

mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug
printf '%s\n' /proc/[!0-9]* /proc/fs/* /proc/sys/fs/* /dev/* \
    /sys/fs/* /sys/kernel/slab/* /sys/kernel/debug/* /sys/class/*
ps -o args | grep "^\[" | grep -v kworker | sed "s/^/kernel thread /"
sed "s|^|in /proc/filesystems or /proc/misc: |" /proc/filesystems /proc/misc
