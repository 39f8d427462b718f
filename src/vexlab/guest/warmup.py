"""Programs that cases run, read into the guest's page cache before its template is saved.

A fresh machine then starts them without reading its disk. The pages are clean: a guest short of memory drops them.
"""

from __future__ import annotations

from collections.abc import Iterable

from vexlab.vm.machine import Machine

_TIMEOUT_S = 120.0

# Run once, with what they link and import; of what the guest does not have there is nothing to read.
_RUN = """
exec </dev/null >/dev/null 2>&1
python3 -c "import array, ctypes, errno, fcntl, mmap, os, random, resource, signal, struct, subprocess, threading, time"
bash -c "ls -l / | sort | head -n 1 | tr a b; mkdir -p /tmp/warm && cp -r /etc /tmp/warm && rm -r /tmp/warm"
find /run -maxdepth 1 -print0 | xargs -0 stat -c %i
seq 3 | sha1sum; dd if=/dev/zero bs=512 count=1; sync; truncate -s 0 /tmp/warm && rm /tmp/warm
fsfreeze --version; losetup --version; blockdev --version; mountpoint /; setfattr --version; getfattr --version
"""
# Of these it is not known what they do when they are run; a script's library is nowhere.
_READ = """
for program; do
    file=$(command -v "$program") || continue
    cat "$file" $(ldd "$file" 2>/dev/null | grep -o "/[^ )]*") >/dev/null 2>&1
done
exit 0
"""


def warm_up(machine: Machine) -> None:
    """Run what most cases run."""
    machine.ash(_RUN, timeout=_TIMEOUT_S)


def read_programs(machine: Machine, programs: Iterable[str]) -> None:
    """Read ``programs``, paths or names, and the libraries they are linked with."""
    machine.ash(_READ, *dict.fromkeys(programs), timeout=_TIMEOUT_S)
