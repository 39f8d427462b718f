#!/bin/sh
# Tools of the strategy document, the mount of the source, and the runner of its phases. Runs as root in the new image.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends \
	build-essential linux-headers-amd64 gdb strace linux-perf valgrind stress-ng fio cargo rustfmt
mkdir -p /mnt/vexfs-src
grep -q '^vexfs-src ' /etc/fstab ||
	echo 'vexfs-src /mnt/vexfs-src 9p trans=virtio,version=9p2000.L,ro,nofail 0 0' >>/etc/fstab
cat >/usr/local/bin/vexfs-test-runner.sh <<'RUNNER'
#!/bin/sh
# Build the mounted source, load and unload its module; any step that fails ends it.
set -eu
mountpoint -q /mnt/vexfs-src || mount /mnt/vexfs-src
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r /mnt/vexfs-src "$work/src" # the mount cannot be written
make -C "/lib/modules/$(uname -r)/build" M="$work/src" modules
for module in "$work"/src/*.ko; do
	name=$(basename "$module" .ko)
	insmod "$module"
	grep -q "^$name " /proc/modules
	rmmod "$name"
done
RUNNER
chmod 755 /usr/local/bin/vexfs-test-runner.sh
apt-get clean
