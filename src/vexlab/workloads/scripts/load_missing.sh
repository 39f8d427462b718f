#!/bin/sh
# kmod, as busybox knows no compressed modules; it takes a tenth of a second to find that there is nothing to do. What is
# found to be built into the kernel is remembered: this runs before a template is saved, and again in its machines. Of
# what modprobe would load with the module OF, soft dependencies may not fit this CPU (modprobe.d(5)): no error yet.
# Usage: load_missing.sh NAME…
# shellcheck disable=SC2046 # names, each a word

missing() {
    for name; do
        [ -d "/sys/module/${name//-/_}" ] || [ -e "/run/vexlab-builtin/$name" ] && continue
        if grep -q "/$name.ko" /lib/modules/*/modules.builtin; then
            mkdir -p "/run/vexlab-builtin/$name"
        else
            echo "$name"
        fi
    done
}
[ -z "$OF" ] || soft=$(missing $(/sbin/modprobe --show-depends "$OF" | sed '$d; s|.*/||; s|[.]ko.*||'))
[ -z "$soft" ] || /sbin/modprobe -qa $soft
names=$(missing "$@")
[ -z "$names" ] || exec /sbin/modprobe -a $names
