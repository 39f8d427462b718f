"""What succeeds over and over inside the guest and in the end leaves the tree as it was: nothing may stay behind."""

from __future__ import annotations

GROUPS = ("names", "data", "stat", "attributes", "vectors", "cold")

# Runs inside the guest: the words are the folder to work in, the group of operations, and how often each is repeated.
# A filesystem may refuse what not all can do; anything else that fails ends the script with Python's own words.
SCRIPT = r"""
import array, ctypes, errno, fcntl, mmap, os, struct, sys

folder, group, repeated = sys.argv[1], sys.argv[2], int(sys.argv[3])
libc = ctypes.CDLL(None, use_errno=True)
os.makedirs(folder, exist_ok=True)
os.chdir(folder)
os.makedirs("kept/inner", exist_ok=True)
for name in ("kept/file", "kept/other"):
    with open(name, "wb") as file:
        file.write(b"kept" * 5000)
CANNOT = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS, errno.ENOTTY, errno.EPERM)

def perhaps(call, *args):
    try:
        return call(*args)
    except OSError as error:
        if error.errno not in CANNOT:
            raise

def make(name):
    os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))

def exchange(one, other):
    if libc.renameat2(-100, one.encode(), -100, other.encode(), 2):
        raise OSError(ctypes.get_errno(), "renameat2")

def nameless():
    os.close(os.open(".", os.O_TMPFILE | os.O_RDWR, 0o600))

def folders(n):
    # more names than fit into a few blocks: whatever is kept of large directories alone
    os.mkdir(f"large{n}")
    for k in range(450):
        os.link("kept/other", f"large{n}/{k:04}-{'x' * 60}")
    for k in range(450):
        os.unlink(f"large{n}/{k:04}-{'x' * 60}")
    os.rmdir(f"large{n}")

def names(n):
    make(f"file{n}")
    os.rename(f"file{n}", "file")
    os.rename("file", f"kept/file{n}")
    make("file")
    os.rename("file", f"kept/file{n}")
    perhaps(os.link, f"kept/file{n}", "link")
    for path in (f"kept/file{n}", "link"):
        if os.path.lexists(path):
            os.unlink(path)
    os.mkdir(f"dir{n}")
    os.mkdir(f"dir{n}/inner")
    os.rename(f"dir{n}/inner", "kept/moved")
    perhaps(exchange, "kept/moved", f"dir{n}")
    os.rmdir("kept/moved")
    os.rmdir(f"dir{n}")
    for target in ("short", "long/" * 100):
        os.symlink(target, "sym")
        os.unlink("sym")
    perhaps(os.mkfifo, "fifo")
    if os.path.exists("fifo"):
        os.unlink("fifo")
    perhaps(nameless)
    fd = os.open("open", os.O_CREAT | os.O_RDWR)
    os.unlink("open")
    os.write(fd, b"x" * 9000)
    os.close(fd)

def data(n):
    fd = os.open("data", os.O_CREAT | os.O_RDWR)
    os.pwrite(fd, b"x" * 70000, n * 11)
    os.pread(fd, 50000, 5)
    os.ftruncate(fd, 30001)
    os.ftruncate(fd, 300000)
    os.pwrite(fd, b"y" * 5000, 200001)
    os.fsync(fd)
    os.fdatasync(fd)
    perhaps(os.posix_fallocate, fd, 0, 100000)
    with mmap.mmap(fd, 100000) as view:
        view[50000:50010] = b"0123456789"
        view.flush()
    os.lseek(fd, 0, os.SEEK_DATA)
    os.lseek(fd, 0, os.SEEK_HOLE)
    perhaps(os.copy_file_range, fd, fd, 4096, 0, 200000)
    os.close(fd)
    direct = perhaps(os.open, "data", os.O_RDWR | os.O_DIRECT)
    if direct is not None:
        with mmap.mmap(-1, 8192) as page:
            perhaps(os.readv, direct, [page])
            perhaps(os.pwritev, direct, [page], 8192)
        os.close(direct)
    os.truncate("data", 0)
    os.unlink("data")

def stat(n):
    os.stat("kept/file")
    os.statvfs("kept")
    os.listdir("kept")
    os.access("kept/file", os.R_OK)
    if not os.path.lexists("sym"):
        os.symlink("t" * 200, "sym")
    os.readlink("sym")
    fd, top = os.open("kept/file", os.O_RDWR), os.open("kept", os.O_RDONLY)
    os.read(fd, 20000)
    os.fstat(fd)
    os.fsync(top)
    os.fchmod(fd, 0o600 + n % 2)
    os.fchown(fd, n % 3, n % 5)
    os.utime(fd, (n, n))
    fcntl.flock(fd, fcntl.LOCK_EX)
    fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    for request, size in ((0x80086601, 8), (0x80087601, 8), (0xC020660B, 32 + 56 * 4), (0x801C581F, 28)):
        room = struct.pack("=QQIII", 0, 1 << 40, 0, 0, 4).ljust(size, b"\0")[:size]  # as FS_IOC_FIEMAP has it
        perhaps(fcntl.ioctl, fd, request, bytearray(room))
    os.close(fd)
    os.close(top)

def attributes(n):
    perhaps(os.setxattr, "kept/file", "user.there", b"value")
    if perhaps(os.listxattr, "kept/file"):
        os.setxattr("kept/file", "user.there", b"longer value" * 20, os.XATTR_REPLACE)
        os.getxattr("kept/file", "user.there")
        os.setxattr("kept/file", f"user.number{n % 7}", bytes(n % 100))
        os.setxattr("kept/file", "trusted.mine", b"x")
        os.listxattr("kept/file")
        for name in os.listxattr("kept/file"):
            os.removexattr("kept/file", name)
    make("plain")
    perhaps(os.setxattr, "plain", "user.goes", b"with the file")
    os.unlink("plain")

def vectors(n):
    # Calls of VexFS (include/uapi/vexfs.h): a collection made, filled, asked in every way, and removed.
    fd = os.open("collection", os.O_CREAT | os.O_RDWR)
    floats, ids = array.array("f", [1, 2, 3, 4] * 64), array.array("Q", [0] * 256)
    F, I = floats.buffer_info()[0], ids.buffer_info()[0]
    def call(number, shape, values, way=3):
        data = bytearray(struct.pack("=" + shape, *values))
        fcntl.ioctl(fd, way << 30 | len(data) << 16 | 0xF6 << 8 | number, data, True)
        return struct.unpack("=" + shape, data)
    call(1, "5I3I", (1, 4, n % 4, 0, 0, 0, 0, 0), 1)
    call(3, "4I6Q", (1, 4, 64, 0, F, 0, 0, 0, 0, 0))
    call(7, "2I2Q2I3Q", (1, 8, 0, I, 0, 0, 0, 0, 0))
    first = ids[0]
    call(4, "2I3Q2I2Q", (1, 4, first, F, 0, 0, 0, 0, 0))
    call(6, "4I2Q2I3Q", (1, 4, 8, 0, F, I, 0, 0, 0, 0, 0))
    call(5, "2I3Q", (1, 0, first, 0, 0), 1)
    call(2, "4I4Q2I4Q", (1,) + (0,) * 13)
    os.fsync(fd)
    os.close(fd)
    os.unlink("collection")

def cold_name(k):
    return f"cold/{k}-{'name' * 40}"  # so long that the folder has several blocks

def cold(n):
    # What is not in memory is looked for by four at once: whatever is made when first asked for must be made once.
    if not os.path.exists("cold"):
        os.mkdir("cold")
        for k in range(150):
            if k % 3:
                os.symlink("t" * 200, cold_name(k))
            else:
                make(cold_name(k))
                perhaps(os.setxattr, cold_name(k), "user.long", b"v" * 300)
    with open("/proc/sys/vm/drop_caches", "w") as file:
        file.write("3")
    for reader in range(4):
        if not os.fork():
            for k in [(first + reader * 37) % 150 for first in range(150)]:
                if k % 3:
                    os.readlink(cold_name(k))
                else:
                    os.close(os.open(cold_name(k), os.O_RDONLY))
                    perhaps(os.listxattr, cold_name(k))
            if len(os.listdir("cold")) != 150:
                os._exit(1)
            os._exit(0)
    for reader in range(4):
        if os.wait()[1]:
            sys.exit("a reader of what is not in memory failed")

work = {each.__name__: each for each in (names, data, stat, attributes, vectors, cold, folders)}[group]
for number in range(repeated):
    work(number)
"""
