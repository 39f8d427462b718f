"""What fio is to do: small files and few operations, since each is done many times over under emulation."""

from __future__ import annotations

from vexlab.guest.fio import FioJob


def _job(name: str, **options: str) -> FioJob:
    return FioJob(name=name, options=tuple(options.items()))


# Through the page cache. What is written is new in each round where `unlink` is set; `invalidate` makes fio drop the
# file's pages before it begins, so that reads come from the disk, or, at 0, from memory.
CACHED = (
    _job("write_seq", rw="write", bs="64k", size="12m", unlink="1"),
    _job("write_small", rw="write", bs="4k", size="6m", unlink="1"),
    _job("write_random", rw="randwrite", bs="4k", size="6m", overwrite="1"),
    _job("write_holes", rw="randwrite", bs="4k", size="6m", unlink="1"),
    _job("rewrite", rw="write", bs="64k", size="12m"),
    _job("read_seq", rw="read", bs="64k", size="12m", invalidate="1"),
    _job("read_random", rw="randread", bs="4k", size="12m", io_size="512k", invalidate="1"),
    _job("read_cached", rw="randread", bs="4k", size="6m", invalidate="0", pre_read="1"),
    _job("mixed", rw="randrw", rwmixread="70", bs="4k", size="6m", invalidate="0"),
)

# To the disk: what a database, a mail server and a copy that must last do.
SYNCED = (
    _job("append_fsync", rw="write", bs="4k", size="160k", fsync="1", unlink="1"),
    _job("random_fdatasync", rw="randwrite", bs="4k", size="4m", io_size="160k", fdatasync="1"),
    _job("open_sync", rw="write", bs="4k", size="160k", sync="1", unlink="1"),
    _job("write_durable", rw="write", bs="256k", size="8m", end_fsync="1", unlink="1"),
)
