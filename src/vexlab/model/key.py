"""What tells one case from every other, in this run and in those before."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection
from dataclasses import dataclass

DISTRO = "distro"  # the flavour of a distribution's own kernel
# vector_operations.info[6.1-small]
_ID = re.compile(r"(?P<domain>[^.\[]*)\.(?P<name>[^\[]*)(?:\[(?P<parameters>.*)\])?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class CaseKey:
    """Results of two runs are about the same case where their keys are equal.

    ``target`` is the target's name and ``configuration`` the one of its configurations that is tested (empty: it has
    only one). ``parameters`` are pytest's words for the case's parameters without the kernel, ``kernel`` is the name
    by which the kernel was asked for (empty where the case needs none), ``flavour`` how that kernel was built.

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
        """Return the case's id, which ``--case`` takes; target, configuration and flavour are those of the run."""
        words = "-".join(filter(None, (self.kernel, self.parameters)))
        head = f"{self.domain}.{self.name}" if self.domain else self.name
        return f"{head}[{words}]" if words else head

    @classmethod
    def parse(cls, case: str, kernels: Collection[str] = ()) -> CaseKey:
        """Return the key of an id that stands in a text; ``kernels`` are the names that can begin its brackets.

        A text that is no id becomes the name of a case without a domain.
        """
        match = _ID.fullmatch(case)
        if not match:
            return cls(domain="", name=case)
        words = match["parameters"] or ""
        fits = (kernel for kernel in kernels if words == kernel or words.startswith(f"{kernel}-"))
        kernel = max(fits, key=len, default="")  # `6.1-amd64` begins with `6.1-`, too
        rest = words.removeprefix(kernel).removeprefix("-") if kernel else words
        return cls(domain=match["domain"], name=match["name"], parameters=rest, kernel=kernel)

    @property
    def across_kernels(self) -> CaseKey:
        """The key without what differs where one case runs on several kernels."""
        return dataclasses.replace(self, kernel="", flavour="")
