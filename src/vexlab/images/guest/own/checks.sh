# Run by vexlab's busybox in a prepared machine of a user's image: prints a word for each thing that a verdict rests on
# and that does not work here (vexlab.guest.adopted has their meanings), then what the guest itself says of its taint.
says() { [ "$(cat "/proc/sys/kernel/$1" 2>/dev/null)" = "$2" ] || echo "$3"; }
says sysrq 1 sysrq
says hung_task_timeout_secs 30 hung-tasks
says soft_watchdog 1 soft-lockups
says kptr_restrict 0 symbols
grep -q " [bBdD] tainted_mask$" /proc/kallsyms || echo symbols
[ -r /proc/slabinfo ] || echo slabinfo
[ "$(cat /sys/kernel/slab/kmalloc-64/sanity_checks 2>/dev/null)" = 1 ] || echo slub-debug
[ -e /sys/kernel/debug/bdi ] || echo debugfs
[ -e /sys/kernel/tracing/trace ] || echo tracefs
dmesg | grep -q . || echo kernel-log
[ -r "/proc/$$/stack" ] || echo stacks
# Buffers that are in use with no filesystem of the target's mounted are the image's own: those of the target cannot be
# told from them. The post check of that name looks for the file.
sync
echo 3 >/proc/sys/vm/drop_caches
echo 1 >/sys/kernel/slab/buffer_head/shrink
while read -r name held _; do [ "$name" = buffer_head ] && break; done </proc/slabinfo
others=$(while read -r source _ type _; do
	case $type:$source in squashfs:* | *:[!/]*) ;; *) echo "$source" ;; esac
done </proc/mounts)
[ "$held$others" = 0 ] || : >/vexlab/buffers
[ ! -e /vexlab/buffers ] || echo buffers
echo "taint $(cat /proc/sys/kernel/tainted)"
echo "release $(uname -r)"
