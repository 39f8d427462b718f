"""Runs go to another host whole, and nothing else comes in with them."""

from __future__ import annotations

import dataclasses
import io
import json
import tarfile
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from tests.unit.test_history import OOPS, result, run_info

from vexlab.errors import UsageError
from vexlab.model.case import Plan, PlannedCase, RunState
from vexlab.model.metric import measured
from vexlab.model.verdict import Verdict
from vexlab.results import archive
from vexlab.results.archive import export_runs, import_runs
from vexlab.results.history import problems_of
from vexlab.results.merge import merge_runs
from vexlab.results.store import Store

pytestmark = pytest.mark.usefixtures("each_database")
HOSTILE = "\x1b[2J]]><script>\x00\ud800 end"


def _filled(folder: Path, number: int = 1, *names: str) -> Store:
    store = Store(folder)
    info = run_info(number)
    store.begin(info, str(folder / info.id))
    cases = [result(name, metrics=(measured("load_s", 0.5),)) for name in names or ("a", "b")]
    cases[0] = result(cases[0].key.name, OOPS, reason=HOSTILE, evidence=f"/elsewhere/cases/{cases[0].id}")
    store.plan(info.id, Plan(cases=tuple(PlannedCase(key=each.key, node=each.node, level=1) for each in cases)))
    for case in cases:
        store.save(info.id, case)
    evidence = folder / info.id / "cases" / cases[0].id
    evidence.mkdir(parents=True)
    (evidence / "console.log").write_text("BUG")
    (evidence / "reproduce").write_text("#!/bin/sh\n")
    (evidence / "reproduce").chmod(0o755)
    (evidence / "link").symlink_to("/etc/passwd")
    store.note_problems(info, cases)
    store.finish(dataclasses.replace(info, finished=info.started, state=RunState.FINISHED))
    return store


def test_a_run_is_the_same_on_another_host(tmp_path: Path) -> None:
    file = tmp_path / "runs.tar.gz"
    with closing(_filled(tmp_path / "first")) as store:
        export_runs(store, ["last", run_info(1).id], file, evidence=True)
        before = store.load("last")
    with closing(Store(tmp_path / "second")) as other:
        (done,) = import_runs(other, file)
        assert (done.run, done.cases, done.added) == (before.run, 2, True)
        after = other.load("last")
        crashed = after.cases[0]
        evidence = tmp_path / "second" / done.run.id / "cases" / crashed.id
        assert crashed == dataclasses.replace(before.cases[0], evidence=str(evidence))
        assert after.summary == before.summary
        assert [each.name for each in sorted(evidence.iterdir())] == ["console.log", "reproduce"], "no link came along"
        assert (evidence / "reproduce").stat().st_mode & 0o777 == 0o755
        assert [each.problem.title for each in problems_of(other).problems] == ["BUG: NULL in f"]
        (again,) = import_runs(other, file)
        assert not again.added
        assert len(other.runs()) == 1
        assert not list((tmp_path / "second").glob(".import-*"))


def _archive(file: Path, *members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE, link: str = "") -> Path:
    with tarfile.open(file, "w:gz") as made:
        for name, data in members:
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, link
            entry.size = len(data)
            made.addfile(entry, io.BytesIO(data))
    return file


ID = "20261101-000000-0000"
HEAD = ("vexlab-results.json", json.dumps({"version": 1, "runs": [ID]}).encode())


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/etc/evil",
        f"{ID}/evidence/../../../evil",
        f"{ID}/evidence",
        f"{ID}/evidence/./x",
        f"{ID}/other",
        f"{ID}//run.json",
        "x/run.json",
        "evil",
        f"{ID}/evidence//etc/evil",
    ],
)
def test_paths_that_an_archive_does_not_have_are_refused(tmp_path: Path, name: str) -> None:
    file = _archive(tmp_path / "a.tar.gz", HEAD, (name, b"x"))
    with closing(Store(tmp_path / "r")) as store, pytest.raises(UsageError, match="has no place in an archive"):
        import_runs(store, file)
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_what_is_no_file_is_refused(tmp_path: Path, kind: bytes) -> None:
    file = _archive(tmp_path / "a.tar.gz", (f"{ID}/evidence/x", b""), kind=kind, link="/etc/passwd")
    with closing(Store(tmp_path / "r")) as store, pytest.raises(UsageError, match="has no place"):
        import_runs(store, file)


def test_what_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _archive(tmp_path / "a.tar.gz", HEAD, (f"{ID}/evidence/zeros", bytes(1 << 20)))
    assert file.stat().st_size < 10_000
    monkeypatch.setattr(archive, "MOST_BYTES", 1 << 20)
    with closing(Store(tmp_path / "r")) as store, pytest.raises(UsageError, match="holds more than"):
        import_runs(store, file)
    monkeypatch.setattr(archive, "MOST_FILES", 1)
    with closing(Store(tmp_path / "r")) as store, pytest.raises(UsageError, match="holds more than"):
        import_runs(store, file)


@pytest.mark.parametrize(
    "members",
    [
        (),
        (HEAD,),
        (("vexlab-results.json", b"{"),),
        (("vexlab-results.json", b'{"version": 1, "runs": ["../x"]}'),),
        (HEAD, (f"{ID}/run.json", b"[]"), (f"{ID}/cases.jsonl", b"")),
        (HEAD, (f"{ID}/run.json", b"{}"), (f"{ID}/cases.jsonl", b"")),
    ],
)
def test_what_is_no_archive_of_runs_is_refused(tmp_path: Path, members: tuple[tuple[str, bytes], ...]) -> None:
    file = _archive(tmp_path / "a.tar.gz", *members)
    with closing(Store(tmp_path / "r")) as store:
        with pytest.raises(UsageError):
            import_runs(store, file)
        assert store.runs() == ()
    assert not [each for each in (tmp_path / "r").iterdir() if each.is_dir()]


def _member(**fields: object) -> tuple[tuple[str, bytes], ...]:
    """Return the files of an archive of one run with one case, ``fields`` of these being what they are."""
    info = msgspec.to_builtins(dataclasses.replace(run_info(1), finished=run_info(1).started))
    case = msgspec.to_builtins(result("a", metrics=(measured("load_s", 0.5),)))
    line = json.dumps({**case, **{name: value for name, value in fields.items() if name in case}}).encode() + b"\n"
    run = {**info, **{name: value for name, value in fields.items() if name in info}}
    kept = json.dumps({"run": run, "plan": {}}).encode()
    return HEAD, (f"{ID}/run.json", kept), (f"{ID}/cases.jsonl", line * (2 if "twice" in fields else 1))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"target": "\x1b[2Jvexfs"}, "control character"),
        ({"key": {"domain": "d", "name": "a\x9b31m"}}, "control character"),
        ({"twice": True}, "two results of one case"),
        ({"duration_s": float("nan")}, "no number that a case measures"),
        ({"metrics": [{"name": "load_s", "value": float("-inf")}]}, "no number that a case measures"),
        ({"finished": "yesterday"}, "has the time `yesterday`"),
        ({"finished": "2026-11-01T00:00:00"}, "has the time"),
        ({"finished": "2026-11-01T00:00:00+01:00"}, "has the time"),
        ({"finished": "0001-01-01T00:00:00+00:00"}, "has the time"),
    ],
)
def test_a_run_that_would_spoil_the_store_is_refused(tmp_path: Path, fields: dict[str, object], words: str) -> None:
    file = _archive(tmp_path / "a.tar.gz", *_member(**fields))
    with closing(Store(tmp_path / "r")) as store:
        with pytest.raises(UsageError, match=words):
            import_runs(store, file)
        assert store.runs() == ()
        (done,) = import_runs(store, _archive(tmp_path / "good.tar.gz", *_member()))
        assert done.added


def test_an_archive_of_a_later_version_is_refused(tmp_path: Path) -> None:
    head = ("vexlab-results.json", json.dumps({"version": 2, "runs": []}).encode())
    with closing(Store(tmp_path / "r")) as store, pytest.raises(UsageError, match="archive of version 2"):
        import_runs(store, _archive(tmp_path / "a.tar.gz", head))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_long_name_is_refused_before_it_is_in_memory(tmp_path: Path, kind: bytes) -> None:
    file = _archive(tmp_path / "a.tar.gz", ("x", b"a" * (1 << 20)), kind=kind)
    with closing(Store(tmp_path / "r")) as store, pytest.raises(UsageError, match="a name in it has 1048576 bytes"):
        import_runs(store, file)


def test_runs_are_not_written_into_a_file_without_a_name(tmp_path: Path) -> None:
    with closing(_filled(tmp_path / "r")) as store, pytest.raises(UsageError, match="no file is named"):
        export_runs(store, ["last"], Path())


def test_a_text_and_a_cut_archive_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello")
    with closing(_filled(tmp_path / "first")) as store:
        export_runs(store, ["last"], tmp_path / "whole.tar.gz", evidence=True)
    whole = (tmp_path / "whole.tar.gz").read_bytes()
    (tmp_path / "cut").write_bytes(whole[: len(whole) // 2])
    with closing(Store(tmp_path / "r")) as store:
        for name in ("text", "cut"):
            with pytest.raises(UsageError, match="cannot be read as an archive"):
                import_runs(store, tmp_path / name)


def test_parts_of_a_run_become_one(tmp_path: Path) -> None:
    same = dataclasses.replace(run_info(1).provenance)
    with closing(Store(tmp_path)) as store:
        for number, name in ((1, "a"), (2, "b")):
            info = dataclasses.replace(run_info(number), provenance=same)
            store.begin(info, str(tmp_path / info.id))
            store.plan(info.id, Plan(cases=(PlannedCase(key=result(name).key, node=name, level=1),)))
            store.save(info.id, result(name, *([OOPS] if name == "b" else [])))
            store.finish(dataclasses.replace(info, finished=info.started, state=RunState.FINISHED))
        merged = merge_runs(store, [run_info(1).id, run_info(2).id])
        assert [case.verdict for case in merged.cases] == [Verdict.PASSED, Verdict.CRASHED]
        assert merged.run.state is RunState.FINISHED
        assert (merged.run.started, merged.run.finished) == (run_info(1).started, run_info(2).started)
        assert len(store.runs()) == 3, "the parts stay"
        with pytest.raises(UsageError, match="came to its end in two"):
            merge_runs(store, [run_info(1).id, merged.run.id])
        with pytest.raises(UsageError, match="at least two"):
            merge_runs(store, [run_info(1).id, run_info(1).id[:10]])


def test_runs_of_different_revisions_are_no_parts_of_one(tmp_path: Path) -> None:
    _filled(tmp_path, 1, "a").close()
    with (
        closing(_filled(tmp_path, 2, "b")) as store,
        pytest.raises(UsageError, match="different revisions: `v1`"),
    ):
        merge_runs(store, [run_info(1).id, run_info(2).id])
