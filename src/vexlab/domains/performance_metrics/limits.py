"""What is allowed, and why. A case fails only where a whole confidence interval lies beyond one of these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits for ratios of the target to the reference, unless said otherwise.

    They are wide: ext4, xfs and VexFS differ by less among themselves, needless work differs by far more.

    - ``cached_rate``: through the page cache most of the work is the kernel's own. What VexFS promises of ext2's rates.
    - ``names_rate``: xfs and ext4 differ up to three times in one operation or another; a wait for the disk in each
      operation, or a search of everything, costs ten times and more.
    - ``synced_rate``: the disk's flush takes most of the time, so that one more for each write shows.
    - ``tail``: of the 99th percentile of latency; so wide since it is a single wait in a short job.
    - ``exponent``: of time over size; 0 where something is well indexed, 1 where all is looked at each time. For a
      search, which does look at all, 1 is added.
    - ``gain``: of what further threads gain; with one lock around all, waits included, four are slower than one alone.
    - ``memory_per_file``: of slab memory for a file in use; xfs takes three times what ext4 takes.
    - ``mount``: of the time for mount and unmount; the settings' ``mount_s`` holds besides.
    - ``cpu``: of an operation's processor time; as ``names_rate``, of which it is the other side.
    - ``late``: of the last pages of a list to its first; of 8000 names or 20000 vectors looked at anew in each call it
      is 10 and more.
    - ``search``: of the time to search n vectors to that of hashing their bytes with md5sum.
    - ``vector_kept_bytes``: bytes more than those of a file that stay for each vector when caches are dropped; an entry
      of an index by id is 16 bytes.
    - ``requests``, ``requests_slack``: what may reach the disk is so many times the reference's, and so much more. A
      request for each of the operations counted is beyond it. Inodes of 512 bytes, as xfs has them, make 1000 sectors
      of a thousand inodes; a block read for each would be 8000.
    """

    cached_rate: float = 0.5
    names_rate: float = 0.2
    synced_rate: float = 0.33
    tail: float = 10.0
    exponent: float = 0.5
    gain: float = 0.4
    memory_per_file: float = 6.0
    mount: float = 20.0
    cpu: float = 5.0
    late: float = 4.0
    search: float = 30.0
    vector_kept_bytes: float = 64.0
    requests: float = 1.5
    requests_slack: Mapping[str, int] = field(
        default_factory=lambda: MappingProxyType(
            {"reads": 128, "read_sectors": 2048, "writes": 32, "write_sectors": 512, "flushes": 8}
        )
    )
