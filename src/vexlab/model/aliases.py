"""Names that cases had before: older results, tables of a selfcheck and commands still name them."""

from __future__ import annotations

import re
from collections.abc import Mapping

# domain.name as it was → as it is
CASES: Mapping[str, str] = {
    "filesystem_operations.cut_short": "filesystem_operations.truncated_device",
    "filesystem_operations.marks_last": "filesystem_operations.attributes_persist",
    "filesystem_operations.moves_kept": "filesystem_operations.moved_directories",
    "filesystem_operations.remounted_at_rest": "filesystem_operations.remounted_readonly",
    "filesystem_operations.statistics_meanwhile": "filesystem_operations.statistics_concurrent",
    "filesystem_operations.tree_kept": "filesystem_operations.tree_persists",
    "filesystem_operations.type_gone": "filesystem_operations.type_unregistered",
    "filesystem_operations.used_up": "filesystem_operations.all_space_usable",
    "integration.vectors_meanwhile": "integration.vectors_concurrent",
    "safety_validation.add_amid": "safety_validation.add_power_cut",
    "safety_validation.damaged_blindly": "safety_validation.damaged_randomly",
    "safety_validation.failures_leak_nothing": "safety_validation.failure_leaks",
    "safety_validation.machine_lost_and_back": "safety_validation.machine_restored",
    "safety_validation.mounts_leak_nothing": "safety_validation.mount_leaks",
    "safety_validation.stress_comes_on": "safety_validation.stress",
    "safety_validation.work_leaks_nothing": "safety_validation.operation_leaks",
    "vector_operations.as_file": "vector_operations.collection_as_file",
    "vector_operations.like_a_file": "vector_operations.file_before_collection",
    "vector_operations.meanwhile": "vector_operations.concurrent_reads",
    "vector_operations.registers": "vector_operations.fpu_registers",
    "vector_operations.room_edges": "vector_operations.buffer_edges",
    "vector_operations.room_kept": "vector_operations.buffer_bounds",
    "vector_operations.together": "vector_operations.concurrent_clients",
    "vector_operations.told": "vector_operations.info",
}
# domain.name as it is → parameter as it was → as it is
PARAMETERS: Mapping[str, Mapping[str, str]] = {
    "integration.regression": {
        "attributes_alike": "shared_attribute_block",
        "bytes_behind_a_cut": "stale_bytes_after_truncate",
        "more_free_than_ever": "free_count_overflow",
        "store_into_a_hole": "mapped_store_into_hole",
    },
    "safety_validation.operation_leaks": {"asked": "stat"},
}
# safety_validation.work_leaks_nothing[6.1-asked]
_CASE = re.compile(r"(\w+\.\w+)(?=\W|$)")


def current(case: str) -> str:
    """Return the name of today for ``case``: an id, its beginning or a pattern; what is no old name stays as it is.

    >>> current("safety_validation.work_leaks_nothing[6.1-asked]")
    'safety_validation.operation_leaks[6.1-stat]'
    """
    match = _CASE.match(case)
    if not match:
        return case
    name = CASES.get(match[1], match[1])
    rest = case[match.end() :]
    for old, new in PARAMETERS.get(name, {}).items():
        rest = re.sub(rf"\b{old}\b", new, rest)
    return name + rest
