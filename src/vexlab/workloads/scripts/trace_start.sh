#!/bin/sh
# Starts a bpftrace. Everything that it needs is in a folder of its own: program, what it prints, and the two files by
# which it is told to end. -c starts its command, which must be an ELF file, only once every probe is attached.
# Usage: trace_start.sh FOLDER KEYS OPTIONS

cd "$1" || exit
mkfifo stop
printf ': >"%s/ready"\nread -r _ <"%s/stop"\n' "$1" "$1" >./wait
BPFTRACE_MAP_KEYS_MAX=$2 BPFTRACE_NO_USER_SYMBOLS=1 \
    setsid bpftrace --no-warnings $3 -o "$1/out" -c "/bin/busybox sh $1/wait" "$1/program.bt" >log 2>&1 </dev/null &
echo $! >pid
