#!/bin/bash
# The addresses QEMU's user network gives without being asked (docs/system/devices/net.rst).

modprobe virtio_net
device=$(ls -d /sys/class/net/e* | head -n 1) && device=${device##*/}
busybox ip addr replace 10.0.2.15/24 dev "$device" &&
busybox ip link set "$device" up &&
busybox ip route replace default via 10.0.2.2
