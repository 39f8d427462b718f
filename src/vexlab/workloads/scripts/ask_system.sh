#!/bin/sh
# Lines of `name value` about what runs; files are named that are there.
# shellcheck disable=SC2154 # set before the function is called

release=$(uname -r)
echo "release $release"
echo "cmdline $(cat /proc/cmdline)"
first() { for file; do [ -f "$file" ] && echo "$what $file" && return; done; }
short=${release##*-}
for word in $(cat /proc/cmdline); do case $word in BOOT_IMAGE=*) loaded=${word##*/} ;; esac; done
modules=/lib/modules/$release
[ -d "$modules" ] || modules=/usr/lib/modules/$release
[ -d "$modules" ] && echo "modules $modules"
what=kernel first "/boot/vmlinuz-$release" "$modules/vmlinuz" "/boot/$loaded" "/boot/vmlinuz-$short" /boot/vmlinuz
what=initrd first "/boot/initrd.img-$release" "/boot/initramfs-$release.img" "/boot/initrd-$release" \
    "/boot/initramfs-$short" /boot/initrd.img
what=config first "/boot/config-$release" "$modules/config" "/boot/config-$short" /proc/config.gz
if build=$(readlink -f "$modules/build") && [ -e "$build/Makefile" ]; then
    echo "build $build"
    for link in "$build"/*; do [ -L "$link" ] && echo "headers $(readlink -f "$link")"; done
    sed -n 's|^include \(/.*\)/[^/]*$|headers \1|p' "$build/Makefile"
fi
:
