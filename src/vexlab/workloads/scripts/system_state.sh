#!/bin/sh
# `running`, or systemd's word for how far it is (systemctl(1), is-system-running). Of other systems what counts is that
# no process comes or goes for a while; kernel threads have no program.

if [ -d /run/systemd/system ]; then systemctl is-system-running; exit 0; fi
list() { seen=; for each in /proc/[0-9]*; do [ -e "$each/exe" ] && seen="$seen ${each##*/}"; done; }
list; before=$seen; /vexlab/busybox sleep 4; list
[ "$before" = "$seen" ] && echo running || echo starting
