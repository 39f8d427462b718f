"""What the infrastructure's tests share: a libvirtd of their own, OpenTofu, and an environment of one small machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from vexlab.cache import Cache
from vexlab.config import cache_dir
from vexlab.errors import InfraError
from vexlab.infra.tofu import find_tofu

CHECKOUT = Path(__file__).parents[2]
CODE = CHECKOUT / "infrastructure"
ONE = """
environment = "one"
kernel_module_vm_count  = 1
filesystem_ops_vm_count = 0
vector_ops_vm_count     = 0
performance_vm_count    = 0
safety_vm_count         = 0
integration_vm_count    = 0
memory = "256M"
cpus   = 1
domain_type = "qemu"
disk_cache  = "unsafe"
disk_io     = "threads"
max_total_memory_gb = 1
max_total_cpus      = 1
max_total_disk_gb   = 2
"""


@dataclass(frozen=True)
class Libvirt:
    """A daemon of the tests' own; ``socket`` is where it listens."""

    socket: Path

    @property
    def uri(self) -> str:
        return f"qemu+unix:///session?socket={self.socket}"

    def virsh(self, *words: str) -> str:
        argv = ["virsh", "-q", "-c", self.uri, *words]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        return done.stdout


USED = pytest.StashKey[str]()


@pytest.fixture(scope="session")
def tofu(pytestconfig: pytest.Config) -> str:
    """The program that the tests run; the summary says which it was."""
    try:
        program = find_tofu(Cache(cache_dir()))
    except InfraError as error:
        pytest.skip(f"{error.message}: {error.hint}")
    argv = [program, "version"]
    env = {**os.environ, "CHECKPOINT_DISABLE": "1"}
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True, env=env)
    # OpenTofu v1.12.6   ·   Terraform v1.11.4
    told = re.search(r"^(OpenTofu|Terraform) v\S+$", done.stdout, re.MULTILINE)
    assert told, done.stdout
    pytestconfig.stash[USED] = f"{told[0]} ({program})"
    return program


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which of OpenTofu and Terraform ran."""
    if used := config.stash.get(USED, ""):
        terminalreporter.write_line(f"environments of machines were made by {used}")


@pytest.fixture(scope="session")
def libvirt() -> Iterator[Libvirt]:
    """A session daemon with folders of its own; root takes another user's number, since root's is the system's."""
    program = shutil.which("libvirtd", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None or shutil.which("virsh") is None:
        pytest.skip("libvirt is not installed: apt-get install libvirt-daemon-system libvirt-clients")
    folder = Path(tempfile.mkdtemp(prefix="vl-"))  # short: sockets have paths of at most 107 bytes
    (folder / "config" / "libvirt").mkdir(parents=True)
    (folder / "config" / "libvirt" / "qemu.conf").write_text('stdio_handler = "file"\n')  # or virtlogd is needed
    places = {
        name: str(folder / name.rpartition("_")[0].lower()) for name in ("RUNTIME_DIR", "DATA_HOME", "CACHE_HOME")
    }
    env = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config")}
    env |= {f"XDG_{name}": place for name, place in places.items()}
    (folder / "runtime").mkdir(mode=0o700)
    argv = [program, "--timeout", "600"]
    if os.geteuid() == 0:
        argv = ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--net", *argv]
    with (folder / "log").open("wb") as log:
        daemon = subprocess.Popen(argv, env=env, stdout=log, stderr=log, start_new_session=True)
    socket = folder / "runtime" / "libvirt" / "libvirt-sock"
    end = time.monotonic() + 60
    while not socket.exists():
        assert daemon.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < end, "libvirtd does not listen"
        time.sleep(0.1)
    yield Libvirt(socket)
    daemon.terminate()
    daemon.wait(30)
    shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Infra:
    """``vexlab infra`` on the environment ``one``."""

    env: Mapping[str, str]
    state: Path
    code: Path

    def __call__(self, *words: str, status: int = 0) -> str:
        done = self.run(*words)
        assert done.returncode == status, f"{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def argv(self, *words: str) -> list[str]:
        verb, *rest = words
        return [sys.executable, "-m", "vexlab", "infra", verb, "--environment", "one", *rest]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.argv(*words), env=self.env, capture_output=True, text=True, timeout=900)


@pytest.fixture
def infra(tofu: str, tmp_path: Path) -> Infra:
    """Without a daemon: for what needs none."""
    code = tmp_path / "infrastructure"
    shutil.copytree(CODE, code, ignore=shutil.ignore_patterns("monitoring/grafana", ".terraform", "ansible"))
    (code / "terraform" / "environments" / "one.tfvars").write_text(ONE)
    state = tmp_path / "state"
    own = {"VEXLAB_INFRASTRUCTURE": str(code), "VEXLAB_STATE": str(state), "VEXLAB_TOFU": tofu}
    return Infra({**os.environ, **own}, state / "infra" / "one", code)


@pytest.fixture
def deployed(infra: Infra, libvirt: Libvirt) -> Iterator[Infra]:
    """With the tests' own daemon; what a test leaves is destroyed."""
    more = {"LIBVIRT_DEFAULT_URI": "qemu:///session", "VEXLAB_LIBVIRT_SOCKET": str(libvirt.socket)}
    whole = Infra({**infra.env, **more}, infra.state, infra.code)
    yield whole
    whole.run("destroy", "--force-destroy")
