"""A collection used as the file that it also is: its bytes are not the user's to change, by whatever way."""

from __future__ import annotations

import pytest

from vexlab.guest.mount import GuestFilesystem
from vexlab.guest.vectors import VectorStore, draw
from vexlab.model.target import Target
from vexlab.plugin.fixtures import Metrics

pytestmark = [
    pytest.mark.domain("vector_operations"),
    pytest.mark.level(1),
    pytest.mark.scenario(5),
    pytest.mark.needs(mkfs=True, vectors=True),
    pytest.mark.single_thread_tcg,
]

# Each way is tried by a child, which a signal may end; prints the ways that were let through.
_PROGRAM = r"""
import ctypes, mmap, os, signal, subprocess, sys

path, plain = sys.argv[1:]
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]

def opened(flags, of=path):
    return os.open(of, flags, 0o600)

def stored(memory):
    memory[0:8] = b"overwrit"

def mapped():
    stored(mmap.mmap(opened(os.O_RDWR), 4096))

def mapped_and_made_writable():  # the mapping is not one for writing; by mprotect(2) it becomes one
    address = libc.mmap(None, 4096, mmap.PROT_READ, mmap.MAP_SHARED, opened(os.O_RDWR), 0)
    if libc.mprotect(ctypes.c_void_p(address), 4096, mmap.PROT_READ | mmap.PROT_WRITE):
        raise OSError(ctypes.get_errno(), "mprotect")
    ctypes.memset(address, 120, 8)

def mapped_before_it_was_one():
    fd = opened(os.O_RDWR | os.O_CREAT, plain)
    os.ftruncate(fd, 8192)
    memory = mmap.mmap(fd, 8192)
    stored(memory)
    os.ftruncate(fd, 0)
    made = subprocess.run(["vexctl", "create", plain, "--dim", "4"], capture_output=True)
    if not made.returncode:
        subprocess.run(["vexctl", "add", plain, "1", "2", "3", "4"], check=True, capture_output=True)
        stored(memory)
    else:
        raise OSError(0, "not made one")

ways = {
    "write": lambda: os.write(opened(os.O_RDWR), b"overwritten"),
    "pwrite behind the end": lambda: os.pwrite(opened(os.O_WRONLY), b"x", 1 << 20),
    "append": lambda: os.write(opened(os.O_WRONLY | os.O_APPEND), b"x"),
    "truncate": lambda: os.truncate(path, 4096),
    "truncate to more": lambda: os.truncate(path, 1 << 20),
    "ftruncate": lambda: os.ftruncate(opened(os.O_RDWR), 0),
    "O_TRUNC": lambda: opened(os.O_RDWR | os.O_TRUNC),
    "fallocate": lambda: os.posix_fallocate(opened(os.O_RDWR), 0, 1 << 20),
    "copy_file_range": lambda: os.copy_file_range(opened(os.O_RDONLY, "/etc/passwd"), opened(os.O_WRONLY), 10),
    "sendfile": lambda: os.sendfile(opened(os.O_WRONLY), opened(os.O_RDONLY, "/etc/passwd"), 0, 10),
    "a mapping": mapped,
    "a mapping made writable": mapped_and_made_writable,
    "a mapping from before": mapped_before_it_was_one,
}
for name, way in ways.items():
    pid = os.fork()
    if not pid:
        signal.alarm(30)
        try:
            way()
        except OSError:
            os._exit(1)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    refused = os.WIFEXITED(status) and os.WEXITSTATUS(status) == 1
    if not refused and not (os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGBUS, signal.SIGSEGV)):
        print(name)
"""

# An empty file with an attribute becomes a collection; who adds to one or deletes from it as an ordinary user takes its
# setuid bit, as with any write (write(2)). Prints what is not so.
_LIKE_A_FILE = """
cd "$1" && touch named && setfattr -n user.note -v kept named || exit
vexctl create named --dim 2 2>/dev/null || echo "an empty file with an attribute becomes no collection"
chmod 777 . && vexctl create shared --dim 2 && vexctl add shared 1 2 >/dev/null || exit
for change in "add shared 3 4" "delete shared 1"; do
    chmod 4777 shared
    python3 -c 'import os, sys; os.setuid(1000); os.execvp("vexctl", sys.argv[1:])' vexctl $change >/dev/null || exit
    [ -u shared ] && echo "an ordinary user adds or deletes ($change), and the setuid bit stays"
done
for change in "add shared 5 6" "delete shared 2"; do
    touch -d "2001-01-01 00:00:00" shared && changed=$(stat -c %z shared) && sleep 0.1 || exit
    vexctl add shared 1 2 3 >/dev/null 2>&1 && { echo "a vector too long is added" >&2; exit 1; }
    [ "$(stat -c %Y%z shared)" = "978307200$changed" ] || echo "what was refused changes the times"
    vexctl $change >/dev/null && echo 2 >/proc/sys/vm/drop_caches || exit
    [ "$(stat -c %Y shared)" -gt 978307200 ] || echo "a vector is added or deleted ($change), and mtime stays"
    [ "$(stat -c %z shared)" != "$changed" ] || echo "a vector is added or deleted ($change), and ctime stays"
done
exit 0
"""


def test_collection_as_file(
    store: VectorStore, collection: str, target: Target, mounted: GuestFilesystem, metrics: Metrics
) -> None:
    """Writing to a collection, cutting it and storing through a mapping are refused, and not a vector is changed."""
    if target.vectors != "vexctl":
        pytest.skip("that a collection is no file to write to is VexFS's own rule")
    vectors = draw(21, 30, 4)
    assert store.create(collection, dim=4).ok
    assert store.add(collection, vectors).ok
    ids = range(1, 31)
    before = store.get(collection, ids)
    mounted.machine.push(_PROGRAM.encode(), "/tmp/as_file.py")
    done = mounted.machine.exec(["python3", "/tmp/as_file.py", collection, f"{collection}.plain"], timeout=120)
    assert done.ok, f"the ways were not all tried: {done}"
    metrics.record("let_through_count", len(done.text.splitlines()))
    assert not done.text.strip(), f"a collection was changed by: {done.text.strip()}"
    assert store.get(collection, ids) == before, "vectors were changed by what was refused"
    assert store.live(collection) == len(vectors)


@pytest.mark.usefixtures("store")
def test_file_before_collection(target: Target, mounted: GuestFilesystem) -> None:
    """An empty file may have attributes before it becomes a collection, and adding to it is writing to it."""
    if target.vectors != "vexctl":
        pytest.skip("these rules are VexFS's own")
    done = mounted.machine.ash(_LIKE_A_FILE, mounted.mountpoint, timeout=60)
    assert done.ok, f"the steps were not all done: {done}"
    assert not done.text.strip(), done.text.strip()
