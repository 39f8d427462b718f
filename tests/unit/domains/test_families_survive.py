"""A check that ends the machine is named, and the rest of its family goes on in a fresh machine."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import pytest

from vexlab.domains.filesystem_operations.families import run_family
from vexlab.errors import MachineError, MachineLost, TargetFailure
from vexlab.model.machine import CommandResult
from vexlab.model.subresult import SubVerdict

CHECKS = ("link.count", "link.dies", "link.errors", "link.dies_too", "link.last")
OOPS = "BUG: kernel NULL pointer dereference, address: 0000000000000008"


class Console:
    def __init__(self) -> None:
        self.said = ""

    def text(self) -> str:
        return self.said


class Guest:
    """Runs ``fscheck`` as a machine does whose kernel dies in every check of ``deadly``."""

    streams = True

    def __init__(self, deadly: Sequence[str]) -> None:
        self.console = Console()
        self._deadly = deadly

    def exec(self, argv: Sequence[str], **_: object) -> CommandResult:
        assert list(argv[:3]) == ["fscheck", "list", "--json"]
        lines = [json.dumps({"family": "link", "name": each.removeprefix("link."), "cite": "c"}) for each in CHECKS]
        return _result("\n".join(lines))

    def stream(self, argv: Sequence[str], chunk: Callable[[int, bytes], None], *, timeout: float) -> CommandResult:
        assert timeout > 0
        wanted = [argv[at + 1] for at, word in enumerate(argv) if word == "--check"] or list(CHECKS)
        for number, each in enumerate(wanted):
            self.console.said += f"[    {number}.000000] fscheck: {each}\n"
            if each in self._deadly:
                chunk(1, b'{"family":"link","na')  # what was on its way
                self.console.said += f"[    {number}.500000] {OOPS}\n"
                raise MachineLost("the kernel died")
            name = each.removeprefix("link.")
            line = {"family": "link", "name": name, "cite": "c", "result": "pass"}
            chunk(1, json.dumps(line).encode() + b"\n")
        self.console.said += "[    9.000000] fscheck: end\n"
        return _result("")


def _result(text: str) -> CommandResult:
    return CommandResult(argv=("fscheck",), status=0, signal=0, stdout=text.encode(), stderr=b"", duration=0.1)


class Recorded:
    def __init__(self) -> None:
        self.verdicts: dict[str, SubVerdict] = {}
        self.numbers: dict[str, float] = {}

    def record(self, name: str, value: object, words: str = "", **_: object) -> None:
        if isinstance(value, SubVerdict):
            self.verdicts[name] = value
        else:
            self.numbers[name] = float(str(value))


def _filesystem(deadly: Sequence[str]) -> object:
    target = SimpleNamespace(refuses=(), module="x", fstype="x")
    return SimpleNamespace(machine=Guest(deadly), target=target, mountpoint="/mnt/test")


def _run(deadly: Sequence[str], *, fresh: bool = True) -> tuple[Recorded, list[str], list[MachineError]]:
    recorded = Recorded()
    steps: list[str] = []
    errors: list[MachineError] = []

    def give(error: MachineError) -> tuple[object, str]:
        errors.append(error)
        return _filesystem(deadly), "/mnt/test/work"

    run_family(
        _filesystem(deadly),  # type: ignore[arg-type]
        "link",
        "/mnt/test/work",
        recorded,  # type: ignore[arg-type]
        recorded,  # type: ignore[arg-type]
        steps.append,
        fresh=give if fresh else None,  # type: ignore[arg-type]
    )
    return recorded, steps, errors


def test_the_others_go_on_and_those_that_died_are_named() -> None:
    recorded = Recorded()
    steps: list[str] = []
    given: list[MachineError] = []

    def give(error: MachineError) -> tuple[object, str]:
        given.append(error)
        return _filesystem(("link.dies", "link.dies_too")), "/mnt/test/work"

    with pytest.raises(TargetFailure, match=r"2 of 5 checks failed: link.dies .*died or hung in it") as caught:
        run_family(
            _filesystem(("link.dies", "link.dies_too")),  # type: ignore[arg-type]
            "link",
            "/mnt/test/work",
            recorded,  # type: ignore[arg-type]
            recorded,  # type: ignore[arg-type]
            steps.append,
            fresh=give,  # type: ignore[arg-type]
        )
    assert "link.dies_too" in str(caught.value)
    assert len(given) == 2
    assert steps[-1] == "while fscheck ran link.dies, link.dies_too"
    passed = {name for name, verdict in recorded.verdicts.items() if verdict is SubVerdict.PASSED}
    assert passed == {"link.count", "link.errors", "link.last"}


def test_without_another_machine_the_first_death_ends_the_family() -> None:
    with pytest.raises(MachineLost):
        _run(("link.dies",), fresh=False)


def test_a_family_in_which_nothing_dies_needs_one_machine() -> None:
    recorded, steps, errors = _run(())
    assert set(recorded.verdicts.values()) == {SubVerdict.PASSED}
    assert (steps, errors) == ([], [])


def test_a_target_on_which_every_check_dies_does_not_cost_machines_without_end() -> None:
    with pytest.raises((MachineLost, TargetFailure)):
        _run(CHECKS)
