#!/bin/sh
# Builds a program in the sandbox, and prints what it could do there that it must not.
# Usage: trial.sh COMPILER FOLDER_OUTSIDE PRIVATE_FOLDER PID_NAMESPACE

echo 'int main(void) { return 0; }' >work.c && make --version >/dev/null && "$1" -o work work.c && ./work || exit 9
echo x 2>/dev/null >"$2/written"
[ -e "$2/secret" ] && echo "reads other folders"
[ -n "$3" ] && [ -e "$3" ] && echo "reads the home folder"
[ "$(readlink /proc/self/ns/pid)" = "$4" ] && echo "sees other processes"
[ "$(tail -n +3 /proc/net/dev | grep -vc '^ *lo:')" = 0 ] || echo "has a network"
exit 0
