"""Slurm starts ``vexlab worker`` on two nodes, and a run through them comes to the verdicts of a run here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="the extra `fleet` is not installed")

from tests.infra import slurm
from tests.infra.namespaces import network, until
from tests.infra.runs import Started, left_on, scheduler
from tests.machines.test_verdicts import EXPECTED

pytestmark = [pytest.mark.infra, pytest.mark.long]
NAMES = ("planted.clean", "planted.warning", "planted.oops_unnoticed", "planted.assertion")
# As in docs/how-to/fleet.md, but for the program's path.
JOB = """\
#!/bin/sh
#SBATCH --nodes=2 --ntasks-per-node=1 --output={folder}/job-%j.out
exec srun {python} -m vexlab worker {cluster} --machines 1
"""


def test_a_run_through_slurm(tmp_path: Path) -> None:
    slurm.require()
    folder = tmp_path / "slurm"
    folder.mkdir()
    with network() as net:
        lab = slurm.Slurm(net, folder, nodes=2)
        lab.start()
        started = scheduler(lab.controller, tmp_path)
        cluster = tmp_path / "lab.toml"
        cluster.write_text(f'scheduler_file = "{started.file.name}"\nleast = 2\nwait_s = 300.0\n')
        script = folder / "workers.sh"
        script.write_text(JOB.format(folder=folder, python=sys.executable, cluster=cluster))
        job = lab.run("sbatch", "--parsable", str(script)).strip()
        run = Started(lab.controller, tmp_path, "--cluster", str(cluster), "--verbose", names=NAMES)
        ended = run.end(900)
        words = "".join(file.read_text() for file in folder.glob("job-*.out"))
        assert ended.verdicts == {name: EXPECTED[name][0] for name in NAMES}, ended.stderr + words + lab.words()
        assert ended.status == 1, ended.stderr
        assert len(ended.document["cases"]) == len(NAMES)
        assert "node1: 1 machine for" in words
        assert "node2: 1 machine for" in words
        assert run.hosts() == {"node1", "node2"}, "both ran cases"
        assert lab.state(job) == "RUNNING", "the workers wait for the next run"
        lab.run("scancel", job)
        until(lambda: not lab.state(job), 60, "the job does not end")
        for node in lab.nodes:
            until(lambda node=node: not left_on(node), 60, f"a worker outlives its job: {left_on(node)}")
