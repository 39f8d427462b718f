"""What runs a case again as it was: the same module, kernel, seed, settings; or not at all."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import pytest

from vexlab.cache import file_digest
from vexlab.config import Settings, without_password
from vexlab.errors import InfraError, UsageError
from vexlab.lab import Order
from vexlab.model.case import CaseResult
from vexlab.model.kernel import IMAGE, Kernel
from vexlab.model.key import SUITES
from vexlab.model.request import Request, command_line
from vexlab.model.target import ModuleArtifact, Target
from vexlab.plugin.options import own_module, request_of, run_folder, settings_of
from vexlab.plugin.recorder import Recorder, folder_name
from vexlab.targets.kept import keep_artifact, kept_artifact

SEED = "VEXLAB_SEED"  # environment variable that cases which draw at random look at
_SEED_METRIC = "seed"
_SETTINGS = "vexlab.toml"
RARE = "rare.txt"
_FACTS = {
    "kernel": "its kernel is another one now",
    "target": "its target.toml has changed",
    "module": "its module is another one now",
    "case": "the file of its case has changed",
}


def request_again(item: pytest.Item, recorder: Recorder, result: CaseResult) -> Request:
    """Return what runs the case again from anywhere, and fails where anything is no longer as it was."""
    asked, order, paths = request_of(item.config), recorder.order, tuple(map(str, _own_files(item)))
    seed = result.metric(_SEED_METRIC)
    given = os.environ.get(SEED, "") if seed is None else str(int(seed))
    image = result.kernel.removeprefix(IMAGE) if result.kernel.startswith(IMAGE) else ""
    again = Request(
        target=str(order.target.file if order else Path(asked.target).absolute()),
        kernels=(result.kernel,) if result.kernel and not image else (),
        images=(image,) if image else (),
        configurations=(result.key.configuration,) if result.key.configuration else (),
        cases=(result.id,),
        config=str(_kept_settings(item.config)),
        seed=int(given) if given.isdecimal() else None,
        rare=_kept_rare(item.config),
        probe=not order or order.profile is not None,
        strict=asked.strict,
        accept_refusals=asked.accept_refusals,
        enabled=asked.enabled,
        paths=paths,
        suites=(result.key.name.replace("_", "-"),) if result.key.domain == SUITES else (),
        suite_tests=asked.suite_tests if result.key.domain == SUITES else (),
        suite_groups=asked.suite_groups if result.key.domain == SUITES else (),
        suite_exclude=asked.suite_exclude and str(Path(asked.suite_exclude).absolute()),
        suite_tree=asked.suite_tree and str(Path(asked.suite_tree).absolute()),
    )
    if order:
        facts = facts_of(order.target, order.kernel, order.artifact, paths)
        expect = tuple(f"{name}={value}" for name, value in facts.items())
        again = dataclasses.replace(again, expect=expect, artifact=_kept_artifact(item, order, result))
    return again


def script_of(again: Request) -> str:
    """Return the shell script that does as ``again`` asks."""
    argv = [sys.executable, "-m", "vexlab", "run", *command_line(again)]
    return (
        "#!/bin/sh\n"
        f"# Runs {json.dumps(again.cases[0])} again with the very module, kernel, seed and settings of this run.\n"
        f'exec {shlex.join(argv)} "$@"\n'
    )


def _kept_artifact(item: pytest.Item, order: Order, result: CaseResult) -> str:
    """Keep what the case had in its guest, once for a run, and return where; an empty string where that was nothing."""
    if not (order.artifact.path or order.artifact.tools):
        return ""
    kept = run_folder(item.config) / "artifacts" / folder_name(result.kernel)  # a kernel may be named by its path
    if own_module(item.config, result.domain):  # it is not the run's
        kept = kept.with_name(f"{kept.name}-{order.artifact.digest[:10]}")
    keep_artifact(order.artifact, kept)
    return str(kept)


def kept_artifact_of(item: pytest.Item, order: Order, result: CaseResult) -> ModuleArtifact:
    """Return what the case had in its guest, in files that stay with the run."""
    kept = _kept_artifact(item, order, result)
    return kept_artifact(Path(kept), order.target, order.kernel) if kept else order.artifact


def facts_of(target: Target, kernel: Kernel, artifact: ModuleArtifact, paths: Sequence[str] = ()) -> Mapping[str, str]:
    """Return what a run depends on beside its options: versions and digests, by name; ``paths`` are cases' files."""
    facts = {"kernel": f"{kernel.release}:{kernel.version}", "target": file_digest(target.file)}
    if artifact.path:
        facts["module"] = file_digest(artifact.path)
    if len(paths) == 1 and Path(paths[0]).is_file():
        facts["case"] = file_digest(Path(paths[0]))
    return facts


def check_expected(expected: Sequence[str], facts: Mapping[str, str]) -> None:
    """Raise ``InfraError`` where a fact is not what is expected, ``UsageError`` where there is none of the name."""
    for each in expected:
        name, given, value = each.partition("=")
        if not given or name not in _FACTS:
            raise UsageError(f"--expect {each}: no such fact", hint=f"there are {', '.join(_FACTS)}")
        if facts.get(name, "") != value:
            now = facts.get(name, "missing")
            raise InfraError(
                f"the run cannot be done again: {_FACTS[name]} (then {value[:40]}, now {now[:40]})",
                hint=f"`vexlab run` without `--expect {name}=…` takes what there is now",
            )


def _kept_rare(config: pytest.Config) -> str:
    """Copy the list that what is drawn at random was steered by to the run's folder, once; "" where there is none.

    A seed alone would draw something else.
    """
    given = request_of(config).rare
    if not given:
        return ""
    kept = run_folder(config) / RARE
    if not kept.exists():
        kept.write_bytes(Path(given).read_bytes())
    return str(kept)


def _kept_settings(config: pytest.Config) -> Path:
    """Write the settings in force to the run's folder, once, and return the file."""
    file = run_folder(config) / _SETTINGS
    if not file.exists():
        settings = settings_of(config)
        file.parent.mkdir(parents=True, exist_ok=True)
        folder, url = str(Path(settings.results.folder).absolute()), without_password(settings.results.url)
        results = dataclasses.replace(settings.results, folder=folder, url=url)
        file.write_text(settings_toml(dataclasses.replace(settings, results=results)))
    return file


def settings_toml(settings: Settings) -> str:
    """Return ``settings`` as the file that ``load_settings`` reads; what is empty by default and now is left out."""
    lines, tables = [], []
    for name, value in _fields(settings):
        if isinstance(value, dict):
            tables += _tables(name, value)
        elif dataclasses.is_dataclass(value):
            tables += [f"[{name}]", *(f"{key} = {_toml(each)}" for key, each in _fields(value))]
        else:
            lines.append(f"{name} = {_toml(value)}")
    return "\n".join([*lines, *tables, ""])


def _tables(field: str, value: Mapping[str, object]) -> list[str]:
    """Return the lines of a table of tables, or of one of texts, as ``suites`` is."""
    texts = [f"{_toml(name)} = {_toml(each)}" for name, each in value.items() if isinstance(each, str)]
    lines = [f"[{field}]", *texts] if texts else []
    for name, each in value.items():
        if not isinstance(each, str):
            lines += [f"[{field}.{_toml(name)}]", *(f"{key} = {_toml(one)}" for key, one in _fields(each))]
    return lines


def _fields(table: object) -> Iterator[tuple[str, object]]:
    """Yield the fields of a dataclass that its file must name: TOML has no null, and an empty text needs no line."""
    for field in dataclasses.fields(cast("type", table)):
        value = getattr(table, field.name)
        if value is not None and not (value == "" and field.default == ""):
            yield field.name, value


def _toml(value: object) -> str:
    """Return a value as TOML 1.0 writes it on one line; tables inside lists are inline tables."""
    if isinstance(value, str):
        # JSON's text is TOML's, but for pairs of surrogates, which are not taken, and DEL, which must be escaped.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, float):
        return repr(value)  # inf and nan, too
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    pairs = value.items() if isinstance(value, dict) else _fields(value)
    return f"{{ {', '.join(f'{_key(name)} = {_toml(each)}' for name, each in pairs)} }}"


def _key(name: object) -> str:
    words = str(name)
    return words if re.fullmatch(r"[A-Za-z0-9_-]+", words) else _toml(words)


def _own_files(item: pytest.Item) -> list[Path]:
    """Return the file of a case that does not ship with vexlab."""
    import vexlab

    shipped = Path(vexlab.__file__).parent
    return [] if shipped in Path(item.path).parents else [Path(item.path)]
