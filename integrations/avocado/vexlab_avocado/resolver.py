"""The resolver: ``vexlab:level1`` becomes a test for each case that vexlab lists."""

from __future__ import annotations

from avocado.core.nrunner.runnable import Runnable
from avocado.core.plugin_interfaces import Resolver
from avocado.core.resolver import ReferenceResolution, ReferenceResolutionResult

from vexlab_avocado.command import VexlabError, list_cases
from vexlab_avocado.reference import Case, chosen, parse

KIND = "vexlab"


class VexlabResolver(Resolver):  # type: ignore[misc] # avocado has no types
    """Resolves references that begin with ``vexlab:``."""

    name = "vexlab"
    description = "Cases of vexlab: vexlab:level1, vexlab:domain/NAME, vexlab:case/ID"

    def resolve(self, reference: str) -> ReferenceResolution:
        """Return the tests of ``reference``; where vexlab refuses it, Avocado shows vexlab's words."""
        try:
            wish = parse(reference)
            if wish is None:
                return _not_found(reference, "it does not begin with vexlab:")
            cases = chosen(wish, list_cases(self.config or {}, wish))
        except (ValueError, VexlabError) as error:
            # of all results this one alone is shown to the user with its reason
            return ReferenceResolution(reference, ReferenceResolutionResult.CORRUPT, info=str(error))
        if not cases:
            return _not_found(reference, "vexlab has no case for it; `vexlab list` shows what there is")
        runnables = [_runnable(case) for case in cases]
        return ReferenceResolution(reference, ReferenceResolutionResult.SUCCESS, runnables)


def _runnable(case: Case) -> Runnable:
    tags = {name: set(values) for name, values in case.tags.items()}
    return Runnable(
        KIND, case.uri, tags=tags, key=dict(case.key), source=list(case.source), pinned="yes" if case.pinned else ""
    )


def _not_found(reference: str, why: str) -> ReferenceResolution:
    return ReferenceResolution(reference, ReferenceResolutionResult.NOTFOUND, info=why)
