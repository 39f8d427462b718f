"""The configuration that Avocado-VT gets, and the scripts that it runs in the guest."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from vexlab_avocado.vt import ORCHESTRATIONS, PROVIDER, cartesian, summary

DOCUMENT = {
    "kernel": "vmlinuz",
    "initrd": "initrd.img",
    "append": "console=ttyS0 panic=-1",
    "cpu": "qemu64,+rdrand",
    "cpus": 2,
    "memory_mib": 256,
    "accelerator": "tcg",
    "disks": [
        {"serial": "root", "file": "root.raw", "format": "raw", "readonly": True},
        {"serial": "scratch", "file": "scratch.qcow2", "format": "qcow2", "readonly": False},
    ],
}


def test_the_machine_is_the_exported_one() -> None:
    lines = cartesian(Path("/g"), DOCUMENT, "/usr/bin/qemu").splitlines()
    for line in (
        "qemu_binary = /usr/bin/qemu",
        "kernel = /g/vmlinuz",
        'kernel_params = "console=ttyS0 panic=-1"',
        "vm_accelerator = tcg",
        "cpu_model = qemu64",
        "cpu_model_flags = ,+rdrand",
        "images = root scratch",
        "image_name_root = /g/root",
        "image_readonly_root = yes",
        "blk_extra_params_scratch = serial=scratch",
        "image_format_scratch = qcow2",
    ):
        assert line in lines


def test_each_orchestration_is_a_variant_with_scripts_that_are_there() -> None:
    text = cartesian(Path("/g"), DOCUMENT, "q")
    there = {file.stem for file in (PROVIDER / "scripts").glob("*.sh")}
    for name, scripts in ORCHESTRATIONS.items():
        assert f"    - {name.replace('-', '_')}:\n        scripts = {' '.join(scripts)}\n" in text
        assert set(scripts) <= there


@pytest.mark.parametrize("script", sorted((PROVIDER / "scripts").glob("*.sh")), ids=lambda file: file.stem)
def test_scripts_are_read_by_a_shell(script: Path) -> None:
    subprocess.run(["sh", "-n", str(script)], check=True)


def test_a_report_says_what_passed_and_what_could_not_run() -> None:
    board = '{"passed": ["basic"], "cannot": ["full: there is no loop device"], "failed": []}'
    passed = {"status": "PASS", "logdir": "/l", "whiteboard": board, "fail_reason": ""}
    assert [line.split() for line in summary("comprehensive", [passed])] == [
        ["comprehensive", "PASS", "/l"],
        ["passed", "basic"],
        ["cannot", "full:", "there", "is", "no", "loop", "device"],
    ]
    broken = {"status": "ERROR", "logdir": "/l", "whiteboard": "", "fail_reason": "no agent\x1b[2J"}
    (line,) = summary("edge-cases", [broken])
    assert line.startswith("edge-cases     ERROR    /l  no agent")
    assert line.isprintable()
    assert summary("edge-cases", []) == ["edge-cases     not run yet"]
