"""The counters of a module that counts what runs of it, read out of the guest (Documentation/dev-tools/gcov.rst).

The kernel shows a file of counters for each object under ``/sys/kernel/debug/gcov``, also of a module that was
unloaded (``gcov_persist``, kernel/gcov/fs.c): what several loads of it counted is added up there.
"""

from __future__ import annotations

import io
import tarfile
import zlib

from vexlab.errors import OddAnswer
from vexlab.vm.machine import Machine
from vexlab.workloads import script

_READ_S = 60.0
_MOST_FILES = 2000
_MOST_BYTES = 64 << 20  # unpacked; a module of 10,000 lines has 100 kB of counters
_NAMES = "names"
_READ = script("read_counters.sh")


def read_counters(machine: Machine) -> dict[str, bytes] | None:
    """Return the content of each file of counters by its path in the guest; ``None`` where the kernel keeps none.

    Raises ``OddAnswer`` where what comes is no archive, or too large; ``GuestTimeout`` and ``MachineLost`` as others.
    """
    result = machine.ash(_READ, _NAMES, str(_MOST_FILES), timeout=_READ_S)
    return unpacked(result.stdout) if result.ok else None


def unpacked(data: bytes) -> dict[str, bytes]:
    """Return what the guest packed: a gzipped tar with files 1, 2, … and one that holds their names, a line each."""
    plain = zlib.decompressobj(wbits=31)
    try:
        whole = plain.decompress(data, _MOST_BYTES)
        if plain.unconsumed_tail or not plain.eof:
            raise OddAnswer(f"the guest's counters are more than {_MOST_BYTES >> 20} MiB, or cut off")
        with tarfile.open(fileobj=io.BytesIO(whole), mode="r:") as archive:
            held = {
                member.name.removeprefix("./"): file.read()
                for member in archive
                if member.isreg() and not member.issparse() and (file := archive.extractfile(member))
            }
    except (zlib.error, tarfile.TarError, ValueError, EOFError) as error:
        raise OddAnswer(f"the guest's counters cannot be read: {error}") from error
    names = held.pop(_NAMES, b"").decode(errors="replace").splitlines()
    return {name: held[str(number)] for number, name in enumerate(names, 1) if str(number) in held}
