"""Many processes that wait for each other through the filesystem, are interrupted and killed, under a watchdog."""

from __future__ import annotations

# Runs inside the guest: the words are the mount point, which stress, the seconds it lasts, and the seconds after which
# a process that has not come on counts as stuck. Prints "stuck PID OPERATION" and ends with status 3, leaving that
# process to be looked at; otherwise a line for each error that no such stress may give, and how much was done.
# The work comes in bursts: all stop before the next begins, for what a later one does would wake a process up whose
# own wake-up was lost.
SCRIPT = r"""
import errno, fcntl, mmap, os, random, signal, struct, sys, time
from capable import broken, can, error_of, within

point, which, seconds, limit = sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
FIFREEZE, FITHAW = 0xC0045877, 0xC0045878
ALLOWED = {errno.ENOENT, errno.EEXIST, errno.ENOTEMPTY, errno.EINTR, errno.ENOTDIR, errno.EISDIR, errno.EOPNOTSUPP,
           errno.EAGAIN, errno.ENODATA, errno.EDEADLK, errno.ENOSPC, errno.EMLINK, errno.EBUSY, errno.EINVAL,
           errno.EPERM}  # a link to what has just become a directory
# What each step needs: where it is refused it may say so with that error, and where it is broken it is left out.
NEEDED = {"rename": "rename", "link": "link", "mkdir": "mkdir", "symlink": "symlink", "unlink": "unlink",
          "rmdir": "rmdir", "rename across": "rename_directory", "rename back": "rename_directory", "fsync": "fsync",
          "fdatasync": "fdatasync", "store through a mapping": "mmap_write", "lock": "locks", "setxattr": "xattr",
          "setxattr that must be new": "xattr", "getxattr": "xattr", "listxattr": "xattr", "removexattr": "xattr",
          "store into a hole": "mmap_write", "make a hole": "truncate_up", "freeze": "freeze"}
LARGEST = within("file_size", 120000)
D = "d/" if can("mkdir") else "d-"
SLOT, REST, BURST_END = 64, 56, 64 * 31
BURST_S = 0.1 if which == "vectors" else 2.0  # its waits are for one another only
board = mmap.mmap(-1, SLOT * 32)  # for each worker a counter, what is being done, and whether it rests; the burst's end

def note(slot, what):
    count = struct.unpack_from("Q", board, slot * SLOT)[0]
    board[slot * SLOT + 8:slot * SLOT + 56] = what.encode().ljust(48, b"\0")[:48]
    struct.pack_into("Q", board, slot * SLOT, count + 1)

def burst_end():
    return struct.unpack_from("d", board, BURST_END)[0]

def rest(slot, end):  # between two bursts wait for the next, or for the end of all
    last = burst_end()
    if time.monotonic() < last:
        return
    board[slot * SLOT + REST] = 1
    while burst_end() == last and time.monotonic() < end:
        time.sleep(0.005)
    board[slot * SLOT + REST] = 0

held = []  # by this worker: however far it comes in what it does, all is closed before it begins anew

def opened(path, flags=os.O_RDWR | os.O_CREAT):
    held.append(os.open(path, flags, 0o644))
    return held[-1]

def closed(fd):
    held.remove(fd)
    os.close(fd)

def names(pick):
    a, b = f"{D}{pick.randrange(12)}", f"{D}{pick.randrange(12)}"
    yield "create", lambda: closed(opened(a))
    yield "rename", lambda: os.rename(a, b)
    yield "link", lambda: os.link(b, a)
    yield "mkdir", lambda: os.mkdir(a)
    yield "symlink", lambda: os.symlink("x", b)
    yield "readdir", lambda: os.listdir("d" if can("mkdir") else ".")
    yield "unlink", lambda: os.unlink(b)
    yield "rmdir", lambda: os.rmdir(a)

def moves(pick):
    # Directories moved into one another: the order in which two of them are locked matters.
    a, b = f"t{pick.randrange(3)}", f"t{pick.randrange(3)}"
    yield "mkdir", lambda: os.makedirs(f"{a}/x", exist_ok=True)
    yield "rename across", lambda: os.rename(f"{a}/x", f"{b}/y{pick.randrange(2)}")
    yield "rename back", lambda: os.rename(f"{b}/y0", f"{a}/x")
    yield "rmdir", lambda: os.rmdir(f"{b}/y1")

def writes(pick):
    fd = opened(f"f{pick.randrange(3)}")
    yield "write", lambda: os.pwrite(fd, b"w" * 9000, pick.randrange(100000) * LARGEST // 120000)
    yield "fsync", lambda: os.fsync(fd)
    yield "truncate", lambda: os.ftruncate(fd, pick.randrange(100000) * LARGEST // 120000)
    yield "fdatasync", lambda: os.fdatasync(fd)
    closed(fd)

def reads(pick):
    fd = opened(f"f{pick.randrange(3)}")
    yield "read", lambda: os.pread(fd, 50000, pick.randrange(60000))
    def mapped():
        if can("truncate_up"):
            os.ftruncate(fd, LARGEST)
        else:
            os.pwrite(fd, b"w", LARGEST - 1)
        view = mmap.mmap(fd, min(4096 * 8, LARGEST))
        view[pick.randrange(len(view))] = 1
        view.flush()
        view.close()
    yield "store through a mapping", mapped
    closed(fd)

def locks(pick):
    one, two = opened("lock1"), opened("lock2")
    def both():
        fcntl.lockf(one, fcntl.LOCK_EX, 10, pick.randrange(5))
        fcntl.flock(two, fcntl.LOCK_EX)
        os.pwrite(two, b"l", 0)
        fcntl.flock(two, fcntl.LOCK_UN)
        fcntl.lockf(one, fcntl.LOCK_UN)
    yield "lock", both
    closed(two)
    closed(one)

def attributes(pick):
    path, name = f"f{pick.randrange(3)}", f"user.{pick.randrange(4)}"
    yield "setxattr", lambda: os.setxattr(path, name, b"v" * pick.randrange(within("xattr_value_max", 900)))
    yield "setxattr that must be new", lambda: os.setxattr(path, name, b"v", os.XATTR_CREATE)
    yield "getxattr", lambda: os.getxattr(path, name)
    yield "listxattr", lambda: os.listxattr(path)
    yield "removexattr", lambda: os.removexattr(path, name)

def syncs(pick):
    yield "sync", os.sync
    yield "wait", lambda: time.sleep(0.02)

def deletions(pick):
    # Each in a folder of its own, whose lock nobody else waits for. A file in use waits on a list for its deletion.
    folder = f"own{os.getpid()}{'/' if can('mkdir') else '-'}"
    if can("mkdir"):
        os.makedirs(folder, exist_ok=True)
    files = [opened(f"{folder}{number}") for number in range(6)]
    for number, fd in enumerate(files):
        yield "write", lambda: os.pwrite(fd, b"w" * 5000, 0)
        yield "truncate", lambda: os.ftruncate(fd, 100)
        yield "unlink", lambda: os.unlink(f"{folder}{number}")
    for fd in files:
        yield "close", lambda: closed(fd)

HOLE = within("file_size", 256 * 4096) // 4096 * 4096

def fills(pick):
    # Whoever of these and the stores below is behind finds blocks and catches up: both take each page at one moment.
    fd = opened("new")
    yield "make a hole", lambda: os.ftruncate(fd, HOLE)
    yield "rename", lambda: os.rename("new", "hole")
    yield "write into a hole", lambda: os.pwrite(fd, b"w" * HOLE, 0)
    closed(fd)

def stores(pick):
    fd, zeros = opened("hole", os.O_RDWR), opened("/dev/zero", os.O_RDONLY)
    def store():
        with mmap.mmap(fd, HOLE) as view:
            os.readv(zeros, [view])
    yield "store into a hole", store
    closed(zeros)
    closed(fd)

def fsyncs(pick):
    fd = opened(f"own{os.getpid()}")
    for _ in range(50):
        yield "write", lambda: os.pwrite(fd, b"w", 0)
        yield "fsync", lambda: os.fsync(fd)
    closed(fd)

def commits(pick):
    yield "sync", os.sync

def freezes(pick):
    fd = opened(".", os.O_RDONLY)
    def freeze():
        fcntl.ioctl(fd, FIFREEZE, 0)
        try:
            time.sleep(0.03)
        finally:
            fcntl.ioctl(fd, FITHAW, 0)
    yield "freeze", freeze
    yield "wait", lambda: time.sleep(0.1)
    closed(fd)

def call(fd, number, shape, values):
    data = bytearray(struct.pack("=" + shape, *values))
    fcntl.ioctl(fd, 3 << 30 | len(data) << 16 | 0xF6 << 8 | number, data, True)

def adds(pick):  # VexFS's VEC_ADD (include/uapi/vexfs.h): one vector of four components
    import ctypes
    buffer = (ctypes.c_float * 64)(*range(64))
    fd = opened("collection")
    for _ in range(20):
        yield "VEC_ADD", lambda: call(fd, 3, "4I6Q", (1, 4, 16, 0, ctypes.addressof(buffer), 0, 0, 0, 0, 0))
    closed(fd)

def infos(pick):
    fd = opened("collection")
    for _ in range(60):
        yield "VEC_INFO", lambda: call(fd, 2, "4I4Q2I4Q", (1, *[0] * 13))
    closed(fd)

if not can("mkdir", "rmdir", "rename_directory"):
    moves = names
STRESSES = {
    "names": [names, names, names, moves, moves, syncs],
    "data": [writes, writes, reads, reads, locks, locks, attributes, syncs],
    "deletions": [deletions, deletions, deletions, deletions, commits, commits],
    "holes": [fills, stores, stores, fsyncs, fsyncs],
    "freeze": [writes, names, reads, attributes, freezes],
    "vectors": [adds, adds, adds, infos, infos, infos, syncs],
}
workers = STRESSES[which]

def work(slot, end):
    signal.signal(signal.SIGUSR1, lambda *_: None)
    pick = random.Random(slot * 1000 + os.getpid())
    while time.monotonic() < end:
        try:
            for what, do in workers[slot](pick):
                rest(slot, end)
                note(slot, what)
                need = NEEDED.get(what, "")
                if broken(need):
                    continue
                try:
                    do()
                except OSError as error:
                    if error.errno not in ALLOWED and errno.errorcode.get(error.errno) != error_of(need):
                        print(what, "says", errno.errorcode.get(error.errno, error.errno), flush=True)
        except OSError as error:
            if error.errno not in ALLOWED:
                print("open says", errno.errorcode.get(error.errno, error.errno), flush=True)
        for fd in held:
            try:
                os.close(fd)
            except OSError as error:
                print("close says", errno.errorcode.get(error.errno, error.errno), flush=True)
        held.clear()
    os._exit(0)

def begin(slot, end):
    board[slot * SLOT + REST] = 0
    pid = os.fork()
    if not pid:
        work(slot, end)
    return pid

os.chdir(point)
if can("mkdir"):
    os.makedirs("stress", exist_ok=True)
    os.chdir("stress")
for name in ("d", "t0", "t1", "t2") if can("mkdir") else ():
    os.makedirs(name, exist_ok=True)
if which == "vectors":
    fd = opened("collection")
    data = bytearray(struct.pack("=5I3I", 1, 4, 0, 0, 0, 0, 0, 0))
    fcntl.ioctl(fd, 1 << 30 | len(data) << 16 | 0xF6 << 8 | 1, data, True)
    closed(fd)
pick, end = random.Random(1), time.monotonic() + seconds
struct.pack_into("d", board, BURST_END, time.monotonic() + BURST_S)
pids = [begin(slot, end) for slot in range(len(workers))]
seen = [(0, time.monotonic())] * len(pids)
alive = set(range(len(pids)))
while alive:
    time.sleep(0.02)
    now = time.monotonic()
    for slot in list(alive):
        count = struct.unpack_from("Q", board, slot * SLOT)[0]
        if count != seen[slot][0] or board[slot * SLOT + REST]:
            seen[slot] = (count, now)
        if os.waitpid(pids[slot], os.WNOHANG)[0]:
            seen[slot] = (count, now)
            if now < end:
                pids[slot] = begin(slot, end)
            else:
                alive.discard(slot)
        elif now - seen[slot][1] > limit:
            doing = board[slot * SLOT + 8:slot * SLOT + 56].rstrip(b"\0").decode()
            print("stuck", pids[slot], doing, flush=True)
            os._exit(3)
    if now > burst_end() and all(board[slot * SLOT + REST] for slot in alive):
        struct.pack_into("d", board, BURST_END, now + BURST_S)
    victim = pick.randrange(len(pids))
    if now < end and victim in alive and workers[victim] not in (freezes, locks):
        os.kill(pids[victim], signal.SIGKILL if pick.random() < 0.15 else signal.SIGUSR1)
print("done", sum(struct.unpack_from("Q", board, slot * SLOT)[0] for slot in range(len(pids))))
"""
