"""The commands of the old infrastructure, each as a command of vexlab's. Pure.

A rule is for one program, by the name of its file; the page ``docs/migration.md`` shows them, and a test reads it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class New:
    """What an old command is now; without ``command`` nothing takes its place, and ``note`` says why."""

    command: str = ""
    note: str = ""


Rule = Callable[[Sequence[str]], New]
_RENAMED = {"--quick-test": "--quick", "--ci-mode": "--ci"}
_TAKES_VALUE = ("--level", "--duration", "--config", "--report-format")
_SAME = (
    "--all-levels", "--enable-benchmarks", "--enable-xfstests", "--enable-syzkaller", "--enable-monitoring",
    "--verbose", "--debug",
)  # fmt: skip
_NOT_NEEDED = "not needed: vexlab makes kernels, images and machines itself, when they are first needed"
_NO_DEPLOYMENT = "machines are made and removed by each run; nothing is deployed, and nothing is left to be destroyed"
_CATEGORIES = ("", "io", "vector", "scalability")  # of the old benchmarks; the new ones are called the same
# domains=['kernel_module','filesystem_operations']
_DOMAINS = re.compile(r"domains=\[([^\]]*)\]")
_TIMEOUT = re.compile(r"\btimeout=(\d+)")
_RETRIES = re.compile(r"\bretry_count=(\d+)")


def translate(line: str) -> New | None:
    """Return what an old command line is now, ``None`` where it is none of the old infrastructure's.

    Raises ``ValueError`` for an option that the old command did not have.
    """
    words = _words(line)
    if not words:
        return None
    program = words[0].rpartition("/")[2]
    if program in ("python", "python3", "bash", "sh", "sudo") and len(words) > 1:
        return translate(shlex.join(words[1:]))
    rule = RULES.get(program)
    return rule(words[1:]) if rule else None


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:
        return []


def _run(words: Sequence[str]) -> New:
    out = ["vexlab", "run"]
    given = list(words)
    while given:
        word = given.pop(0)
        if word in _TAKES_VALUE and given:
            out += [word, given.pop(0)]
        elif word in _RENAMED or word in _SAME:
            out.append(_RENAMED.get(word, word))
        else:
            raise ValueError(f"`{word}` is no option of the old runner")
    return New(command=shlex.join(out))


def _value(words: Sequence[str], option: str, default: str) -> str:
    return words[words.index(option) + 1] if option in words and words.index(option) + 1 < len(words) else default


def _always(command: str = "", note: str = "") -> Rule:
    return lambda _words: New(command=command, note=note)


def _alpine(words: Sequence[str]) -> New:
    verbs = {"start": "vm start dev", "stop": "vm stop dev", "status": "vm status dev", "restart": "vm restart dev"}
    verbs["console"] = "vm console dev"
    verb = words[0] if words else "status"
    if verb not in verbs:
        raise ValueError(f"manage_alpine_vm.sh has no `{verb}`")
    return New(command=f"vexlab {verbs[verb]}")


def _cargo(words: Sequence[str]) -> New:
    if "performance_benchmarks" not in words:
        return New(note="no part of the tests: `make` in the target's folder, as before")
    category = _value(words, "--category", "")
    if category not in _CATEGORIES:
        raise ValueError(f"there was no category `{category}`")
    return New(command=f"vexlab bench --category {category}" if category else "vexlab bench")


def _xfstests(words: Sequence[str]) -> New:
    group, tests = _value(words, "--group", ""), _value(words, "--tests", "")
    more = [*(["--group", group] if group else []), *(["--tests", tests] if tests else [])]
    return New(command=shlex.join(["vexlab", "xfstests", *more]), note="takes your installation of xfstests")


def _debug_info(words: Sequence[str]) -> New:
    return New(command=f"vexlab debug-info -o {_value(words, '--output', 'debug_info.tar.zst')}")


def _syzkaller(words: Sequence[str]) -> New:
    duration = _value(words, "--duration", "")
    more = f" --duration {duration}" if duration else ""
    return New(command=f"vexlab fuzz syzkaller{more}", note="takes your installation of syzkaller")


def _orchestration(words: Sequence[str]) -> New:
    modes = {
        "comprehensive": "vexlab run --all-levels",
        "edge-cases": "vexlab run --domain safety_validation",
        "report": "vexlab report last --format html",
    }
    mode = words[0] if words else "comprehensive"
    if mode not in modes:
        raise ValueError(f"run_vexfs_orchestration.sh has no `{mode}`")
    return New(command=modes[mode])


def _analyzer(words: Sequence[str]) -> New:
    if "--domain" in words:
        return New(command=f"vexlab trend {_value(words, '--domain', '')} --period {_value(words, '--period', '7d')}")
    run = _value(words, "--collection-id", "last")
    at = words.index("--formats") + 1 if "--formats" in words else len(words)
    formats = [word for word in words[at:] if not word.startswith("-")]
    more = f" --format {','.join(formats)}" if formats else " --format html"
    return New(command=f"vexlab report {run}{more}")


def _reporter(words: Sequence[str]) -> New:
    form, output = _value(words, "--format", "html"), _value(words, "--output", "")
    more = f" --output {output}" if output else ""
    return New(command=f"vexlab report last --format {form}{more}")


def _monitor(words: Sequence[str]) -> New:
    return New(command=f"vexlab monitor {_value(words, '--session', '')}".rstrip())


def _stability(words: Sequence[str]) -> New:
    return New(command=f"vexlab results {_value(words, '--session', 'last')}", note="shows the stability score")


def _playbook(words: Sequence[str]) -> New:
    text = " ".join(words)
    if "run_domain_tests" not in text:
        return New(note=_NO_DEPLOYMENT)
    out = ["vexlab", "run"]
    if match := _DOMAINS.search(text):
        names = (name.strip(" '\"") for name in match[1].split(","))
        out += [word for name in names for word in ("--domain", name)]
    if match := _RETRIES.search(text):
        out += ["--retry", match[1]]
    if match := _TIMEOUT.search(text):
        out += ["--duration", f"{match[1]}s"]
    if "--check" in words:
        out.append("--plan")
    return New(command=" ".join(out))


def _environments(words: Sequence[str]) -> New:
    return New(
        command="vexlab compare BEFORE last",
        note=f"runs of {', '.join(words) or 'each environment'} made with --environment NAME",
    )


RULES: Mapping[str, Rule] = {
    "run_enhanced_vm_tests.sh": _run,
    "run_unified_tests.sh": _run,
    "setup_alpine_vm.sh": lambda words: (
        New(command="vexlab vm ssh dev --new-key") if "--regenerate-keys" in words else New(note=_NOT_NEEDED)
    ),
    "setup_passwordless_sudo.sh": _always(note="not needed: commands in a guest run as root, from outside"),
    "manage_alpine_vm.sh": _alpine,
    "cargo": _cargo,
    "setup_xfstests.sh": _always("vexlab suites list", "says where xfstests was found"),
    "run_xfstests.sh": _xfstests,
    "setup_syzkaller.sh": _always(note="not needed"),
    "run_syzkaller.sh": _syzkaller,
    "analyze_syzkaller_results.sh": _always("vexlab problems"),
    "setup_ebpf_tracing.sh": _always(note="not needed"),
    "run_ebpf_tracing.sh": _always(note="vexlab has no tracer; `vexlab vm start` gives a machine to trace in"),
    "analyze_ebpf_traces.sh": _always("vexlab results last"),
    "setup_avocado_vt.sh": _always(note=_NOT_NEEDED),
    "run_vexfs_orchestration.sh": _orchestration,
    "advanced_crash_detection.py": _always("vexlab run", "crashes, races and leaks are looked for in every case"),
    "analyze_detection_results.py": _always("vexlab problems"),
    "generate_stability_report.py": _stability,
    "test_result_analyzer.py": _analyzer,
    "analyzer.py": _analyzer,
    "reporter.py": _reporter,
    "generate_report.py": _reporter,
    "dashboard.py": _always("vexlab results", "lists the runs"),
    "monitor_test_execution.sh": _monitor,
    "check_system_resources.sh": _always("vexlab doctor --watch"),
    "collect_debug_info.sh": _debug_info,
    "install_git_hooks.sh": _always("vexlab hooks install"),
    "deploy_infrastructure.sh": lambda words: (
        New(command="vexlab doctor", note=_NO_DEPLOYMENT)
        if "--force-destroy" not in words
        else New(note=_NO_DEPLOYMENT)
    ),
    "ansible-playbook": _playbook,
    "compare_environments.py": _environments,
    "compare_old_vs_new.sh": _always("vexlab compare-old REPORT.json"),
    "update_ci_pipelines.sh": _always("vexlab migrate ci WORKFLOW.yml"),
    "run_kernel_tests.py": _always("vexlab run --domain kernel_module"),
    "dev-host.sh": _always("vexlab check"),
    "test-vm.sh": _always("vexlab run"),
    "run_qemu.sh": _always("vexlab vm start dev --target targets/vexfs"),
    "run_qemu_fast.sh": _always("vexlab vm start dev --target targets/vexfs"),
    "vexfs-test-runner.sh": _always("vexlab run --level 1"),
    "vexfs-test": _always("vexlab run"),
    "vexfs-monitor": _always("vexlab vm status dev"),
    "kbuild": _always("vexlab build"),
    "kload": _always("vexlab run --case kernel_module.load"),
    "kunload": _always("vexlab run --case kernel_module.unload"),
    "ktest": _always("vexlab run --domain kernel_module"),
}
