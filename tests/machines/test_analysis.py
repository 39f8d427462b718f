"""Analysers name file and line of mistakes that were put into a module, and stay silent about a clean one."""

from __future__ import annotations

from pathlib import Path

import pytest

from vexlab.config import settings_for
from vexlab.lab import Lab
from vexlab.model.request import Request
from vexlab.targets.analysers import BY_NAME, lacking, look
from vexlab.targets.load import load_target

pytestmark = [pytest.mark.machine, pytest.mark.long]

_TARGET = 'name = "looked"\nfstype = "looked"\nsource = "src"\nuapi = ["src/looked.h"]\n'
_KBUILD = "obj-m := looked.o\n"
_MODULE = """\
// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "looked.h"

{body}
static int __init looked_init(void)
{{
	return 0;
}}
module_init(looked_init);

MODULE_DESCRIPTION("looked at");
MODULE_LICENSE("GPL");
"""
_WRONG = """\
int looked_read(const int __user *from);
int looked_read(const int __user *from)
{
	return *from;
}

void looked_free(void *what)
{
	if (what)
		kfree(what);
}
"""
_HEADER = """\
/* SPDX-License-Identifier: GPL-2.0 */
#include <linux/types.h>

struct looked_call {{
	__u32 count;
{between}	__u64 address;
}};
"""


@pytest.fixture(scope="module")
def lab() -> Lab:
    return Lab(settings_for(Request()))


def _remarks(lab: Lab, folder: Path, analyser: str, *, wrong: bool) -> list[str]:
    (folder / "src").mkdir()
    (folder / "target.toml").write_text(_TARGET)
    (folder / "src" / "Kbuild").write_text(_KBUILD)
    (folder / "src" / "looked.c").write_text(_MODULE.format(body=_WRONG if wrong else ""))
    between = "" if wrong else "\t__u32 reserved;\n"
    (folder / "src" / "looked.h").write_text(_HEADER.format(between=between))
    inputs = lab.analysis_inputs(load_target(folder / "target.toml"), lab.kernels.get("6.1"))
    if reason := lacking(BY_NAME[analyser], inputs):
        pytest.skip(reason)
    return [str(each) for each in look(BY_NAME[analyser], inputs)]


@pytest.mark.parametrize(
    ("analyser", "expected"),
    [
        ("W1", "looked.c:13: warning: no previous prototype for 'looked_free'"),
        ("sparse", "looked.c:10: warning: dereference of noderef expression"),
        ("layout", "looked.h:4: struct looked_call: `address` is 8 bytes at 8 for 64 bits, 8 bytes at 4 for 32"),
        ("checkpatch", "looked.c:16: WARNING:NEEDLESS_IF"),
        ("coccinelle", "looked.c:16: WARNING: NULL check before some freeing functions is not needed."),
    ],
)
def test_a_mistake_is_named_and_a_clean_module_is_not(lab: Lab, tmp_path: Path, analyser: str, expected: str) -> None:
    (tmp_path / "wrong").mkdir()
    (tmp_path / "clean").mkdir()
    found = _remarks(lab, tmp_path / "wrong", analyser, wrong=True)
    assert any(each.startswith(expected) for each in found), found
    assert not _remarks(lab, tmp_path / "clean", analyser, wrong=False)
