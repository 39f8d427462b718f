"""Chromium for the tests: the host's, or Debian's, which is fetched and unpacked into the cache, without being root."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from vexlab import process
from vexlab.apt import CODENAME, Apt
from vexlab.cache import Cache, Kind, key_of
from vexlab.config import cache_dir, load_settings
from vexlab.errors import FetchError, InfraError

_NAMES = ("chromium", "chromium-headless-shell", "google-chrome")
_PACKAGE = "chromium-headless-shell"
_PROGRAM = Path("usr/lib/chromium/chromium-headless-shell")
_HOSTS_OWN = ("libc6", "libc-bin")  # a loader works with the C library it came with
# The shell's own folder is found anew: the cache may be moved
_START = """\
#!/bin/sh
root=$(dirname "$(readlink -f "$0")")
[ -d /etc/fonts ] || export FONTCONFIG_SYSROOT="$root"
export LD_LIBRARY_PATH="{libraries}"
exec "$root/{program}" "$@"
"""


@cache
def chromium() -> tuple[str, str]:
    """Return the path of a browser that starts, or why there is none.

    ``VEXLAB_CHROMIUM`` comes first, then the host's own, then the one in the cache.
    """
    own = os.environ.get("VEXLAB_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), "")
    try:
        program = own or str(_fetched() / "start")
    except InfraError as error:
        return "", f"no Chromium, and none to be fetched: {error.message}"
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False, timeout=120)
    if done.returncode:
        return "", f"{program} does not start: {(done.stderr or done.stdout).strip()[-300:]}"
    return program, ""


def _fetched() -> Path:
    store = Cache(cache_dir(load_settings(None)))
    return store.make(Kind.TOOLS, key_of(_PACKAGE, CODENAME, _START), lambda draft: _unpack(store, draft))


def _unpack(store: Cache, draft: Path) -> None:
    apt = Apt(store.root / Kind.APT)
    try:
        packages = apt.download_closure([_PACKAGE])
    except FetchError:  # the lists may be older than what the mirror holds
        apt.update()
        packages = apt.download_closure([_PACKAGE])
    for package in packages:
        if package.name not in _HOSTS_OWN:
            process.run(["dpkg-deb", "-x", str(package.file), str(draft)], timeout=300, check=True)
    folders = sorted({file.parent.relative_to(draft) for file in draft.rglob("*.so*")})
    start = draft / "start"
    start.write_text(_START.format(libraries=":".join(f"$root/{each}" for each in folders), program=_PROGRAM))
    start.chmod(0o755)
