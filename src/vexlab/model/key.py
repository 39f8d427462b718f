"""What tells one case from every other, in this run and in those before."""

from __future__ import annotations

import dataclasses
import fnmatch
import re
from collections.abc import Collection
from dataclasses import dataclass

DISTRO = "distro"  # the flavour of a distribution's own kernel
SUITES = "suites"  # the domain of cases that are a test suite of somebody else's, or one of its tests
OWN = "default"  # what a target's own configuration, the empty one, is called where it needs a word
# vector_operations.info[6.1-small]
_ID = re.compile(r"(?P<domain>[^.\[]*)\.(?P<name>[^\[]*)(?:\[(?P<parameters>.*)\])?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class CaseKey:
    """Results of two runs are about the same case where their keys are equal.

    ``target`` is the target's name and ``configuration`` the one of its configurations that is tested (empty: its
    own). ``parameters`` are pytest's words for the case's parameters without kernel and configuration, ``kernel`` is
    the name by which the kernel was asked for (empty where the case needs none), ``flavour`` how that kernel was built.

    >>> str(CaseKey(domain="vector_operations", name="info", kernel="6.1", parameters="small"))
    'vector_operations.info[6.1-small]'
    """

    domain: str
    name: str
    parameters: str = ""
    kernel: str = ""
    flavour: str = DISTRO
    target: str = ""
    configuration: str = ""

    def __str__(self) -> str:
        """Return the case's id, which ``--case`` takes; target and flavour are those of the run."""
        words = "-".join(filter(None, (self.kernel, self.configuration, self.parameters)))
        head = f"{self.domain}.{self.name}" if self.domain else self.name
        return f"{head}[{words}]" if words else head

    @classmethod
    def parse(cls, case: str, kernels: Collection[str] = (), configurations: Collection[str] = ()) -> CaseKey:
        """Return the key of an id that stands in a text.

        ``kernels`` are the names that can begin its brackets, ``configurations`` those that can follow. A text that is
        no id becomes the name of a case without a domain.
        """
        match = _ID.fullmatch(case)
        if not match:
            return cls(domain="", name=case)
        kernel, words = _first_word(match["parameters"] or "", kernels)
        configuration, words = _first_word(words, configurations)
        return cls(
            domain=match["domain"], name=match["name"], parameters=words, kernel=kernel, configuration=configuration
        )

    @property
    def across_kernels(self) -> CaseKey:
        """The key without what differs where one case runs on several kernels."""
        return dataclasses.replace(self, kernel="", flavour="")

    @property
    def place(self) -> str:
        """Where the case runs: ``6.1``, or ``6.1 small_blocks``."""
        return place(self.kernel, self.configuration)


def place(kernel: str, configuration: str) -> str:
    """Return the words for a kernel and a configuration; nothing is said of the target's own."""
    return f"{kernel} {configuration}".strip()


def _first_word(words: str, known: Collection[str]) -> tuple[str, str]:
    """Return the one of ``known`` that ``words`` begin with, and the rest."""
    fits = (each for each in known if words == each or words.startswith(f"{each}-"))
    found = max(fits, key=len, default="")  # `6.1-amd64` begins with `6.1-`, too
    return found, words.removeprefix(found).removeprefix("-") if found else words


def is_chosen(case: str, pattern: str) -> bool:
    """Whether ``--case`` with ``pattern`` takes the id ``case``: it is the pattern, begins with it, or matches it."""
    return case.startswith(pattern) or matches(case, pattern)


def matches(case: str, pattern: str) -> bool:
    """Whether the id ``case`` is the pattern, or matches it as a glob; brackets mean themselves."""
    return fnmatch.fnmatchcase(case, pattern.replace("[", "[[]"))
