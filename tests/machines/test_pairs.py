"""Two mistakes in one module, a broken capability and a defect of another kind: one run names both."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.pairs import Pair, load_pairs, outcome

pytestmark = [pytest.mark.machine, pytest.mark.long]  # a build and a probe for each

# A crash, a hang, a wrong errno and a wrong result; `python -m bench.pairs` tries all eighteen.
FOUR = ("symlink_oops", "rmdir_lock_lost", "link_wrong_errno", "seek_data_lost")


@pytest.mark.parametrize("pair", [each for each in load_pairs() if each.broken in FOUR], ids=lambda pair: pair.broken)
def test_one_run_names_both(pair: Pair, tmp_path: Path) -> None:
    found = outcome(pair, "6.1", tmp_path, whole=False)
    assert found.broken_as, found
    assert found.defect_as, found
