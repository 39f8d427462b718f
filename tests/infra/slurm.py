"""A Slurm of the distribution's programs: a controller and nodes, each a host in namespaces of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.infra.namespaces import Host, Network, until

_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "sinfo", "scancel", "srun")
# `%n` is a node's name: the nodes share this machine's folders. Jobs are followed by process groups, since a node has
# no control group of its own here.
_CONF = """
ClusterName=vexlab
SlurmctldHost={controller}({address})
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
SchedulerType=sched/builtin
ReturnToService=2
SwitchType=switch/none
MailProg=/bin/true
{nodes}
PartitionName=machines Nodes={names} Default=YES MaxTime=INFINITE State=UP
"""


class Slurm:
    """A running Slurm; jobs are given to it on ``controller``."""

    def __init__(self, network: Network, folder: Path, nodes: int) -> None:
        self.folder = folder
        self.controller = network.host("lab0")
        self.nodes = [network.host(f"node{number}") for number in range(1, nodes + 1)]
        self._daemons: list[subprocess.Popen[bytes]] = []

    @property
    def env(self) -> Mapping[str, str]:
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def start(self) -> None:
        """Start munge, the controller and a daemon on each node, and wait till the nodes are idle."""
        folder = self.folder
        (folder / "state").mkdir(mode=0o700)
        key = folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        _write_conf(self)
        munge = ["munged", "--foreground", "--force", f"--socket={folder}/munge.socket", f"--key-file={key}"]
        munge += [f"--pid-file={folder}/munge.pid", f"--seed-file={folder}/munge.seed", "--log-file=/dev/stderr"]
        self._start(self.controller, *munge)
        until((folder / "munge.socket").exists, 30, "munged does not listen")
        self._start(self.controller, "slurmctld", "-D", "-i")
        for node in self.nodes:
            self._start(node, "slurmd", "-D", "-N", node.name)
        until(self._idle, 90, f"the nodes are not idle: see {folder}")

    def run(self, *words: str) -> str:
        """Run one of Slurm's commands on the controller."""
        return self.controller.run(*words, env=self.env)

    def state(self, job: str) -> str:
        """Return the state of a job, empty where it has ended."""
        return self.run("squeue", "--noheader", "--jobs", job, "--format", "%T").strip()

    def _start(self, host: Host, *words: str) -> None:
        log = self.folder / f"{host.name}-{words[0]}.out"
        self._daemons.append(host.start(*words, log=log, env=self.env))

    def _idle(self) -> bool:
        for each in self._daemons:
            assert each.poll() is None, self.words()
        told = subprocess.run(
            self.controller.argv("sinfo", "--noheader", "--format", "%T %D"),
            env={**os.environ, **self.env}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return told.stdout.strip() == f"idle {len(self.nodes)}"

    def words(self) -> str:
        """Return the end of every log."""
        logs = sorted([*self.folder.glob("*.out"), *self.folder.glob("*.log")])
        return "\n".join(f"{file.name}: {file.read_text(errors='replace')[-1500:]}" for file in logs)


def _write_conf(slurm: Slurm) -> None:
    has = f"CPUs={os.cpu_count() or 1} RealMemory=1000 State=UNKNOWN"
    nodes = "\n".join(
        f"NodeName={node.name} NodeHostname={node.name} NodeAddr={node.address} {has}" for node in slurm.nodes
    )
    text = _CONF.format(
        controller=slurm.controller.name,
        address=slurm.controller.address,
        folder=slurm.folder,
        nodes=nodes,
        names=",".join(node.name for node in slurm.nodes),
    )
    (slurm.folder / "slurm.conf").write_text(text)
    (slurm.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")


def require() -> None:
    """Skip the test where Slurm is not installed."""
    path = f"{os.environ['PATH']}:/usr/sbin"
    lacking = [name for name in _PROGRAMS if shutil.which(name, path=path) is None]
    if lacking:
        pytest.skip(f"Slurm is not installed ({', '.join(lacking)}): apt-get install slurm-wlm munge")
