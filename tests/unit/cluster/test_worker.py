"""A worker listens on the way to its scheduler alone."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="the extra `fleet` is not installed")

from vexlab.cluster.place import Cluster
from vexlab.cluster.worker import _own_address


def test_it_listens_on_the_way_to_its_scheduler(tmp_path: Path) -> None:
    assert _own_address(Cluster(address="tcp://127.0.0.1:8786")) == "127.0.0.1"
    file = tmp_path / "scheduler.json"
    file.write_text('{"address": "tls://127.0.0.1:8786"}')
    assert _own_address(Cluster(scheduler_file=str(file))) == "127.0.0.1"
