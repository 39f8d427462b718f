"""Prometheus, Alertmanager, Pushgateway: Debian's packages, fetched and unpacked into the cache, without being root."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from vexlab import process
from vexlab.apt import CODENAME, Apt
from vexlab.cache import Cache, Kind, key_of
from vexlab.config import cache_dir, load_settings
from vexlab.errors import FetchError, InfraError

_PACKAGES = ("prometheus", "prometheus-alertmanager", "prometheus-pushgateway")


@cache
def monitoring() -> tuple[Path, str]:
    """Return the folder of the programs, or why there is none; they need nothing but the C library."""
    store = Cache(cache_dir(load_settings(None)))
    try:
        made = store.make(Kind.TOOLS, key_of(*_PACKAGES, CODENAME), lambda draft: _unpack(store, draft))
    except InfraError as error:
        return Path(), f"no Prometheus to be fetched: {error.message}"
    return made / "usr/bin", ""


def _unpack(store: Cache, draft: Path) -> None:
    apt = Apt(store.root / Kind.APT)
    folder = draft / "packages"
    try:
        packages = apt.download(_PACKAGES, folder)
    except FetchError:  # the lists may be older than what the mirror holds
        apt.update()
        packages = apt.download(_PACKAGES, folder)
    for package in packages:
        process.run(["dpkg-deb", "-x", str(package.file), str(draft)], timeout=300, check=True)
        package.file.unlink()
