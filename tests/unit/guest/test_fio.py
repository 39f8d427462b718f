"""fio's job files go round the folders; its JSON is read, or refused."""

from __future__ import annotations

import configparser
import json

import pytest

from vexlab.errors import MachineError
from vexlab.guest.fio import FioJob, job_file, parse_fio

JOB = FioJob(name="write_seq", options=(("rw", "write"), ("bs", "4k")))


def _direction(**more: object) -> dict[str, object]:
    # as fio 3.33 prints it, less what is not read
    return {"io_bytes": 0, "io_kbytes": 0, "bw": 0, "runtime": 0, "total_ios": 0, "clat_ns": {"mean": 0.0}} | more


def _output(**more: object) -> str:
    job = {
        "jobname": "write_seq.3.1",
        "error": 0,
        "read": _direction(),
        "write": _direction(
            io_bytes=8_000_000,
            total_ios=2000,
            runtime=500,
            clat_ns={"percentile": {"50.000000": 3000, "99.000000": 9000}},
        ),
        "sync": {"total_ios": 0, "lat_ns": {"min": 0}},
        "job_runtime": 510,
    } | more
    return json.dumps({"fio version": "fio-3.33", "jobs": [job]})


def test_folders_take_turns_and_change_places() -> None:
    parser = configparser.ConfigParser(allow_no_value=True)
    parser.read_string(job_file([JOB], ["/a", "/b"], rounds=2))
    names = [name for name in parser.sections() if name != "global"]
    assert names == ["write_seq.0.0", "write_seq.0.1", "write_seq.1.1", "write_seq.1.0"]
    assert [parser[name]["directory"] for name in names] == ["/a", "/b", "/b", "/a"]
    assert "stonewall" in parser["global"]
    assert parser["write_seq.0.0"]["bs"] == "4k"


def test_figures() -> None:
    (figures,) = parse_fio("fio: a note before it\n" + _output())
    assert (figures.job, figures.round, figures.side) == ("write_seq", 3, 1)
    assert figures.bytes_per_s == 16_000_000
    assert figures.ops_per_s == 4000
    assert (figures.p50_us, figures.p99_us) == (3, 9)


def test_the_latency_of_fsync_is_what_counts_where_there_is_one() -> None:
    sync = {"total_ios": 5, "lat_ns": {"percentile": {"50.000000": 70_000, "99.000000": 90_000}}}
    (figures,) = parse_fio(_output(sync=sync))
    assert figures.p99_us == 90


@pytest.mark.parametrize("text", ["", "fio: no such engine", "{}", _output(error=28), _output(write=_direction())])
def test_no_figures(text: str) -> None:
    with pytest.raises(MachineError, match="fio"):
        parse_fio(text)
