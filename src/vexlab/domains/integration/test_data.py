"""Programs that keep data: a database under load, logs that are rotated, copies and archives, everyday tools."""

from __future__ import annotations

import pytest

from vexlab.domains.integration.machines import MACHINE
from vexlab.domains.integration.workflow import Workflow

pytestmark = [
    pytest.mark.domain("integration"),
    pytest.mark.level(2),
    pytest.mark.needs(mkfs=True),
    MACHINE,
]

_STEP_S = 240.0
_MANY = 3100  # names
_SPARSE = 48 << 20  # bytes
_LOG = 4 << 20  # bytes, which no log of a run comes near


_WAL = pytest.param("wal", marks=pytest.mark.needs(capabilities="mmap_write"))  # its index is a shared mapping
_OF_DATABASES = pytest.mark.needs(capabilities="unlink locks fsync truncate_down")


@pytest.mark.slow
@_OF_DATABASES
@pytest.mark.parametrize("mode", ["delete", "truncate", "persist", _WAL])
def test_database(workflow: Workflow, mode: str) -> None:
    """Three writers and two readers at once: SQLite's check is passed and no money is lost, also on disk, and later."""
    workflow.room(_LOG)
    workflow.run("database", "load", mode, timeout=_STEP_S)
    workflow.remount()
    workflow.run("database", "audit", mode, timeout=_STEP_S)


@pytest.mark.slow
@_OF_DATABASES
@pytest.mark.parametrize("mode", ["delete", _WAL])
def test_database_killed(workflow: Workflow, mode: str) -> None:
    """A writer killed in the middle leaves what it committed and nothing else; the next one recovers the database."""
    workflow.room(_LOG)
    workflow.run("database", "create", mode, timeout=_STEP_S)
    workflow.run("database", "killed", mode, timeout=_STEP_S)
    workflow.remount()
    workflow.run("database", "audit", mode, timeout=_STEP_S)


@pytest.mark.level(1)
@pytest.mark.needs(capabilities="create write append")
def test_log_rotation(workflow: Workflow) -> None:
    """Four append to a log that is renamed, made again and compressed: every line is there, once and whole.

    Where files cannot be renamed, or are small, they append to one log as many lines as it holds.
    """
    filesystem = workflow.post_checks.filesystem
    rotates = filesystem.can("rename", "unlink") and filesystem.within("file_size", _LOG) == _LOG
    workflow.run("logs", "rotated" if rotates else "appended", timeout=_STEP_S)
    workflow.remount()
    workflow.run("logs", "whole", timeout=_STEP_S)


_OF_COPIES = "mkdir rmdir unlink rename rename_over chmod chown utimes mtime truncate_up truncate_down sparse_files"


@pytest.mark.slow
@pytest.mark.needs(capabilities=f"{_OF_COPIES} rename_directory link symlink")
def test_rsync(workflow: Workflow) -> None:
    """Copies follow every change of a tree, by checksum and to the nanosecond; generations share files by links."""
    workflow.room(_SPARSE)
    for step in ("copied", "updated", "generations"):
        workflow.run("rsync", step, timeout=_STEP_S)
    workflow.remount()
    workflow.run("rsync", "kept", timeout=_STEP_S)


@pytest.mark.slow
@pytest.mark.needs(capabilities=f"{_OF_COPIES} rename_directory")
def test_archives(workflow: Workflow) -> None:
    """What comes out of tar, cpio, gzip and cp is what went in: attributes, holes, links and times."""
    workflow.room(_SPARSE)
    for step in ("made", "tarred", "cpioed", "copied"):
        workflow.run("archive", step, timeout=_STEP_S)
    workflow.remount()
    workflow.run("archive", "kept", timeout=_STEP_S)


@pytest.mark.slow
@pytest.mark.needs(capabilities="mkdir unlink rename rename_over mmap_write mmap_private truncate_up")
def test_tools(workflow: Workflow) -> None:
    """Sorting with temporary files, find and xargs, editing in place, mappings: all results agree, also later."""
    workflow.room(_SPARSE)
    if workflow.post_checks.filesystem.within("dir_entries", _MANY) < _MANY:
        pytest.skip(f"it makes {_MANY} names in one folder, more than the filesystem takes (`dir_entries`)")
    for step in ("sorted", "found", "mapped"):
        workflow.run("tools", step, timeout=_STEP_S)
    workflow.remount()
    workflow.run("tools", "kept", timeout=_STEP_S)
