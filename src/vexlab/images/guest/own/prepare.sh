# Run by vexlab's busybox in a booted machine of a user's image: what the guest of an image of vexlab's has from its
# first process on. Prints the names of the programs that are vexlab's, because the image has none of that name, or one
# of busybox's, which knows fewer options.
bb=/vexlab/busybox
base=/vexlab/base
folder=/vexlab/bin

mkdir -p $folder /mnt/test /mnt/scratch /usr/local/bin
mounted() { grep -q " $1 " /proc/mounts || mount -t "$2" "$2" "$1" 2>/dev/null; }
mounted /sys/kernel/debug debugfs
mounted /sys/kernel/tracing tracefs
[ -e /etc/mtab ] || ln -s ../proc/self/mounts /etc/mtab

setting() { [ -w "/proc/sys/kernel/$1" ] && echo "$2" >"/proc/sys/kernel/$1"; }
setting sysrq 1
setting hung_task_timeout_secs 30
setting hung_task_warnings 100
setting softlockup_all_cpu_backtrace 1
setting printk_devkmsg on
setting printk_ratelimit 0
setting kptr_restrict 0
setting panic_on_oops 0
setting panic_on_warn 0

# A program that is linked runs with the libraries that it was built for; `$0` is the name of the link to this.
cat >/vexlab/linked <<'EOF'
#!/vexlab/busybox sh
name=${0##*/}
base=/vexlab/base
lib=$base/usr/lib/x86_64-linux-gnu
file=$base/usr/sbin/$name
[ -e "$file" ] || file=$base/usr/bin/$name
exec "$lib/ld-linux-x86-64.so.2" --argv0 "$name" --library-path "$lib" "$file" "$@"
EOF
chmod 755 /vexlab/linked

# Where the image has a program of this name that is not busybox's. Without another process: there are some 600.
size=$(stat -c %s $bb)
copies=" $(find /usr/sbin /usr/bin /sbin /bin -type f -size "${size}c" 2>/dev/null | tr '\n' ' ')"
own() {
	for place in /usr/sbin /usr/bin /usr/local/bin /usr/local/sbin /sbin /bin; do
		[ -x "$place/$1" ] || continue
		[ "$place/$1" -ef /bin/busybox ] || [ "$place/$1" -ef /usr/bin/busybox ] && continue
		case $copies in *" $place/$1 "*) continue ;; esac
		return 0
	done
	return 1
}

for file in $base/usr/sbin/* $base/usr/bin/*; do
	name=${file##*/}
	if own "$name"; then
		case $place in # these are not in the PATH of commands
		/sbin | /bin | /usr/local/sbin) [ -e "/usr/$place/$name" ] || ln -sf "$place/$name" "$folder/$name" ;;
		esac
		continue
	fi
	head=
	read -r -n 4 head <"$file"
	case $head in
	?ELF) ln -sf /vexlab/linked "$folder/$name" ;;
	*) ln -sf "$file" "$folder/$name" ;;
	esac
	echo "$name"
done 2>/dev/null
ln -sf $bb $folder/busybox
for path in /bin/sh /bin/bash /sbin/modprobe /sbin/modinfo /usr/bin/setsid; do
	[ -e "$path" ] || ln -s "$folder/${path##*/}" "$path"
done

# The one that vexlab's own questions are asked with, where everything else asks it, too.
if [ -e /bin/busybox ]; then
	cmp -s $bb /bin/busybox || mount --bind $bb /bin/busybox
else
	mkdir -p /bin
	ln -s $bb /bin/busybox
fi
