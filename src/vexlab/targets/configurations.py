"""Which configuration of a target is meant: one of those that its file names, or its own mkfs and mount options."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from vexlab.errors import UsageError
from vexlab.model.key import OWN
from vexlab.model.target import Target
from vexlab.tables import suggest, visible

ALL = "all"  # the target's own, and every one that its file names


def chosen(target: Target, words: Iterable[str]) -> tuple[str, ...]:
    """Return the words for the configurations that ``words`` ask for, each once and none of them ``all``.

    Raises ``UsageError`` for one that ``target`` has not got.
    """
    found: list[str] = []
    for word in words:
        if word == ALL:
            found += [OWN, *(each.name for each in target.configurations)]
        else:
            found.append(configured(target, word).configuration or OWN)
    return tuple(dict.fromkeys(found))


def configured(target: Target, name: str) -> Target:
    """Return ``target`` with the mkfs and mount options of one of its configurations; raise ``UsageError``."""
    if name in ("", OWN):
        return target
    found = next((each for each in target.configurations if each.name == name), None)
    if found is None:
        known = (OWN, ALL, *(each.name for each in target.configurations))
        words = f"{target.name} has no configuration `{visible(name)[:200]}`"
        raise UsageError(words, hint=f"{target.file} names them; {suggest(name, known)}")
    return replace(
        target,
        configuration=name,
        mkfs=found.mkfs or target.mkfs,
        mount_options=(*target.mount_options, *found.options),
        refuses=tuple(sorted({**dict(target.refuses), **dict(found.refuses)}.items())),
    )
