#!/bin/sh
# A file has its name only once it is whole. What is no regular file, a device for one, is written in place.
# Usage: name_part.sh MODE PART PATH

if [ -d "$3" ]; then
    echo "$3: Is a directory" >&2; rm -f "$2"; exit 1
elif [ -e "$3" ] && [ ! -f "$3" ]; then
    cat "$2" >"$3" && rm -f "$2" && chmod "$1" "$3"
else
    chmod "$1" "$2" && mv -f "$2" "$3"
fi
