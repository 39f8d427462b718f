"""What must be refused is refused cleanly: an error, nothing left behind, and the next load works."""

from __future__ import annotations

import pytest

from vexlab.guest.module import GuestModule
from vexlab.plugin.fixtures import KernelLog

pytestmark = [
    pytest.mark.domain("kernel_module"),
    pytest.mark.level(1),
    pytest.mark.scenario(2),
    pytest.mark.needs(loadable=True),
    pytest.mark.single_thread_tcg,
]

_SPOILT = "/tmp/spoilt.ko"


def _refused(module: GuestModule, why: str) -> None:
    """Try to load the spoilt file: it must fail with ``why``, and the sound module must load afterwards."""
    result = module.insert(_SPOILT)
    assert not result.ok, "the kernel took a module that it should refuse"
    assert why in result.error_text, f"refused with other words than `{why}`: {result.error_text}"
    assert module.state() is None, "the refused module is in /proc/modules"
    loaded = module.load()
    assert loaded.ok, f"the sound module does not load after the refused one: {loaded}"
    assert module.unload().ok


def test_error_unknown_parameter(module: GuestModule, klog: KernelLog) -> None:
    """A parameter the module does not know is named in the log and does no harm."""
    loaded = module.load("vexlab_no_such_parameter=1")
    # kernel/module/main.c, unknown_module_param_cb: such a parameter is ignored with a warning
    assert loaded.ok, f"an unknown parameter keeps the module from loading: {loaded}"
    assert "vexlab_no_such_parameter" in klog.text, "the kernel's log does not name the unknown parameter"
    assert module.unload().ok


def test_error_wrong_kernel(module: GuestModule, module_image: bytes, klog: KernelLog) -> None:
    """A module made for another kernel is refused as such."""
    module.load_dependencies()
    start = module_image.index(b"vermagic=")
    end = module_image.index(b"\0", start)
    # With CONFIG_MODVERSIONS the release is not compared, the rest is (kernel/module/version.c, same_magic)
    other = module_image[start:end].replace(b" SMP ", b" UP3 ")
    assert other != module_image[start:end], "this kernel's vermagic has no SMP to alter"
    module.machine.push(module_image[:start] + other + module_image[end:], _SPOILT)
    _refused(module, "nvalid module format")
    assert "version magic" in klog.text, "the kernel's log does not say why"


@pytest.mark.quick
def test_error_truncated(module: GuestModule, module_image: bytes) -> None:
    """A module cut off in the middle is refused."""
    module.load_dependencies()
    module.machine.push(module_image[: len(module_image) // 2], _SPOILT)
    _refused(module, "nvalid module format")


def test_error_empty(module: GuestModule) -> None:
    """An empty file is refused."""
    module.load_dependencies()
    module.machine.push(b"", _SPOILT)
    _refused(module, "could not insert module")


@pytest.mark.quick
def test_error_double_load(module: GuestModule, module_image: bytes) -> None:
    """A second load is refused and leaves the first in place."""
    assert module.load().ok
    before = module.state()
    module.machine.push(module_image, _SPOILT)
    again = module.insert(_SPOILT)
    assert not again.ok, "the module was loaded twice"
    assert "File exists" in again.error_text, f"refused with other words: {again.error_text}"
    assert module.state() == before
    assert module.unload().ok


@pytest.mark.quick
@pytest.mark.needs(mkfs=True)
@pytest.mark.usefixtures("post_checks")
def test_error_unload_busy(module: GuestModule) -> None:
    """Unloading under a mounted filesystem is refused; the filesystem goes on working; afterwards it unloads."""
    refused = module.unload()
    assert not refused.ok, "the module was unloaded under a mounted filesystem"
    assert "temporarily unavailable" in refused.error_text, f"refused with other words: {refused.error_text}"
    written = module.machine.ash("echo still here >/mnt/test/file && cat /mnt/test/file")
    assert written.text == "still here", f"the filesystem does not work after the refused unload: {written}"
