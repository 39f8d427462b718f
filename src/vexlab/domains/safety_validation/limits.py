"""What uses a resource up inside the guest and watches how the filesystem says so."""

from __future__ import annotations

# Runs inside the guest: the words are the resource and the mount point. Prints a line for each thing that is wrong, or
# "skip: " and the reason.
SCRIPT = r"""
import ctypes, errno, mmap, os, resource, signal, subprocess, sys

which, point = sys.argv[1:]
work = os.path.join(point, "limits")
os.mkdir(work)
os.chdir(work)

def wrong(*words):
    print(*words)

def name_of(error):
    return errno.errorcode.get(error.errno, str(error.errno)).replace("ENOTSUP", "EOPNOTSUPP")

def fails(expected, what, call):
    try:
        call()
    except OSError as error:
        if name_of(error) not in expected.split():
            wrong(what, "says", name_of(error), "where", expected, "is due")
        return
    if "success" not in expected:
        wrong(what, "succeeds where", expected, "is due")

def works(what, call):
    try:
        return call()
    except OSError as error:
        wrong(what, "says", name_of(error), "and should work")

def create(path, data=b""):
    fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
    try:
        if data and os.write(fd, data) != len(data):
            raise OSError(errno.ENOSPC, "short write")
    finally:
        os.close(fd)

def read(path):
    with open(path, "rb") as file:
        return file.read()

def descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    for turn in range(20):
        held = []
        try:
            while True:
                fd = os.open(f"file{len(held)}", os.O_CREAT | os.O_RDWR)
                held.append(fd)
                os.pwrite(fd, b"%d" % len(held), 0)
        except OSError as error:
            if error.errno != errno.EMFILE:
                wrong("opening too many files says", name_of(error), "not EMFILE")
        fails("EMFILE", "opening a directory", lambda: os.open(".", os.O_RDONLY))
        fails("EMFILE", "duplicating", lambda: os.dup(held[0]))
        works("stat", lambda: os.stat("file3"))
        works("mkdir", lambda: os.mkdir("dir"))
        works("rename", lambda: os.rename("dir", "moved"))
        works("rmdir", lambda: os.rmdir("moved"))
        for number, fd in enumerate(held, 1):
            if works("pread", lambda: os.pread(fd, 10, 0)) != b"%d" % number:
                wrong("file", number, "holds other data while all descriptors are in use")
            os.close(fd)
        works("opening again", lambda: os.close(os.open("file0", os.O_RDONLY)))
        if os.path.exists(f"file{len(held)}") and os.stat(f"file{len(held)}").st_size:
            wrong("the open that failed left a file with content")

def file_size():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    create("large", b"x" * 5000)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
    fd = os.open("large", os.O_RDWR)
    fails("EFBIG", "writing beyond the limit", lambda: os.pwrite(fd, b"y", 8192))
    fails("EFBIG", "truncating beyond the limit", lambda: os.ftruncate(fd, 8193))
    if works("writing across the limit", lambda: os.pwrite(fd, b"z" * 5000, 5000)) != 3192:
        wrong("a write across the limit is not cut off at it")
    if os.fstat(fd).st_size != 8192:
        wrong("the file is", os.fstat(fd).st_size, "bytes, not 8192")
    if os.pread(fd, 9000, 0) != b"x" * 5000 + b"z" * 3192:
        wrong("the file at the limit holds other data")
    os.close(fd)

def kept(count):
    for n in range(count):
        if read(f"kept{n}") != b"%d " % n * 1000:
            wrong("file", n, "lost its content")

def blocks():
    for n in range(10):
        create(f"kept{n}", b"%d " % n * 1000)
    os.sync()
    for turn in range(2):
        filled = 0
        fd = os.open("filler", os.O_CREAT | os.O_RDWR)
        for size in (1 << 20, 1 << 16, 1 << 12):
            try:
                while True:
                    done = os.write(fd, b"f" * size)
                    filled += done
                    if done < size:
                        break
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    wrong("filling says", name_of(error), "not ENOSPC")
        os.close(fd)
        for n in range(60):  # what small room is left, the rest must fail
            try:
                create(f"small{n}", b"s" * 8000)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    wrong("a small file says", name_of(error), "not ENOSPC")
        for n in range(200):
            fails("ENOSPC success", "mkdir", lambda: os.mkdir(f"dir{n}"))
            fails("ENOSPC success", "symlink", lambda: os.symlink("t" * 900, f"link{n}"))
            fails("ENOSPC success EOPNOTSUPP", "setxattr",
                  lambda: os.setxattr(f"kept{n % 10}", "user.full", b"v" * 2000))
        if filled < 1 << 20:
            wrong("only", filled, "bytes could be written")
        kept(10)
        if os.path.getsize("filler") != filled:
            wrong("the filler is", os.path.getsize("filler"), "bytes,", filled, "were written")
        works("stat", lambda: os.stat("kept0"))
        for name in os.listdir("."):
            if not name.startswith("kept"):
                works("removing", lambda: os.rmdir(name) if name.startswith("dir") else os.unlink(name))
        os.sync()
        works("writing again", lambda: create("again", b"a" * 100000))
        if read("again") != b"a" * 100000:
            wrong("what was written after there was room again is not there")
        os.unlink("again")
    kept(10)

def inodes():
    free = os.statvfs(".").f_ffree
    if free > 30000 or not free:
        print("skip:", free, "inodes are free: as many as anybody can use, or made on demand")
        return
    for n in range(10):
        create(f"kept{n}", b"%d " % n * 1000)
    for turn in range(2):
        made = 0
        try:
            while made <= free:
                if made % 500 == 0:
                    os.mkdir(f"dir{made // 500}")
                create(f"dir{made // 500}/{made}")
                made += 1
        except OSError as error:
            if error.errno != errno.ENOSPC:
                wrong("the last inode says", name_of(error), "not ENOSPC")
        if os.statvfs(".").f_ffree > 16:
            wrong(os.statvfs(".").f_ffree, "inodes are free, and none can be made")
        for n in range(30):
            fails("ENOSPC", "create", lambda: create("one-more"))
            fails("ENOSPC", "mkdir", lambda: os.mkdir("one-more"))
            fails("ENOSPC", "symlink", lambda: os.symlink("x", "one-more"))
            fails("ENOSPC", "mkfifo", lambda: os.mkfifo("one-more"))
        works("link", lambda: os.link("kept0", "linked"))
        works("unlink", lambda: os.unlink("linked"))
        kept(10)
        subprocess.run("rm -rf dir*", shell=True, check=True)
        os.sync()
        works("create again", lambda: create("again"))
        works("unlink", lambda: os.unlink("again"))

def memory():
    group = "/mnt/cgroup/limited"
    os.makedirs("/mnt/cgroup", exist_ok=True)
    mounted = subprocess.run("mount -t cgroup2 none /mnt/cgroup && echo +memory >/mnt/cgroup/cgroup.subtree_control && "
                             f"mkdir {group} && echo 24M >{group}/memory.max", shell=True, capture_output=True)
    if mounted.returncode:
        print("skip: this kernel limits no memory:", mounted.stderr.decode().strip()[:100])
        return
    child = os.fork()
    if not child:
        with open(group + "/cgroup.procs", "w") as file:
            file.write(str(os.getpid()))
        for n in range(12):  # twice what the group may hold, in the page cache
            fails("ENOMEM success", "writing with little memory", lambda: create(f"large{n}", b"%x" % n * (4 << 20)))
        held = []
        for n in range(600):
            try:
                held.append(os.open(f"name-that-is-somewhat-long-{n}", os.O_CREAT | os.O_RDWR))
                os.setxattr(held[-1], "user.x", b"v" * 300)
            except OSError as error:
                if error.errno not in (errno.ENOMEM, errno.ENOSPC, errno.EOPNOTSUPP):
                    wrong("opening many says", name_of(error))
        for n in range(12):
            if os.path.exists(f"large{n}"):
                with open(f"large{n}", "rb") as file:
                    view = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) if os.path.getsize(f"large{n}") else b""
                    if view and (view[0:1] != b"%x" % n or view[len(view) - 1:len(view)] != b"%x" % n):
                        wrong("file", n, "holds other data")
        sys.stdout.flush()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGKILL:  # the kernel may kill it for want of memory
        wrong("the program died of signal", os.WTERMSIG(status))
    subprocess.run("rm -rf large* name-*", shell=True, check=True)
    works("create afterwards", lambda: create("again", b"a" * 100000))

{"descriptors": descriptors, "file_size": file_size, "blocks": blocks, "inodes": inodes, "memory": memory}[which]()
sys.stdout.flush()
"""
