"""OpenTofu, or Terraform, with vexlab's own provider: found or built, and run on one environment.

The provider is built once from ``infrastructure/terraform/provider`` and kept in the cache; no registry is asked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from vexlab import process
from vexlab.cache import Cache, Kind, key_of
from vexlab.errors import InfraError, UsageError
from vexlab.infra.environment import Environment

TOFU = "VEXLAB_TOFU"  # environment variable that names the program
_OPENTOFU, _TERRAFORM = "tofu", "terraform"
_HOST = "terraform.local"  # of the provider's address: it is in no registry
_VERSION = "0.1.0"
_BUILD_S = 900.0
_RUN_S = 3600.0
_KEEP = 1 << 20
_LOCK_S = "30s"
_CHECKSUMS = ".terraform.lock.hcl"
# What OpenTofu says where a variable breaks a rule, and where another process works on the state.
_INVALID = ("Invalid value for variable", "Invalid value for input variable", "No value for required variable")
_LOCKED = "Error acquiring the state lock"


def find_tofu(cache: Cache) -> str:
    """Return the path of OpenTofu, installed or built into the cache, or else of Terraform; raise ``InfraError``."""
    if given := os.environ.get(TOFU):
        return process.require(given)
    kept = cache.root / "programs" / "opentofu" / "tofu"
    for found in (process.find(_OPENTOFU), str(kept) if kept.is_file() else None, process.find(_TERRAFORM)):
        if found:
            return found
    raise InfraError(
        "neither tofu nor terraform is installed",
        hint=f"install OpenTofu, or build it once: `make tofu` in a checkout; {TOFU} may name the program",
    )


def provider_mirror(source: Path, cache: Cache) -> Path:
    """Return a folder in which OpenTofu finds the provider; raise ``InfraError`` where it cannot be built."""
    files = sorted([*source.glob("*.go"), source / "go.mod", source / "go.sum"])
    key = key_of("provider", _VERSION, [(file.name, file.read_bytes()) for file in files])

    def build(draft: Path) -> None:
        program = draft / "program"
        process.run(
            ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", str(program), "."],
            cwd=source, timeout=_BUILD_S, env={"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly"}, check=True,
        )  # fmt: skip
        folder = draft / _HOST / "vexlab" / "vexlab" / _VERSION / "linux_amd64"
        folder.mkdir(parents=True)
        os.link(program, folder / f"terraform-provider-vexlab_v{_VERSION}")

    return cache.make(Kind.TOOLS, key, build)


class Tofu:
    """OpenTofu on one environment: a state of its own, locked while it is worked on."""

    def __init__(self, program: str, environment: Environment, mirror: Path, variables: Mapping[str, str]) -> None:
        self._program = program
        self._environment = environment
        self._state = environment.state
        self._state.mkdir(parents=True, exist_ok=True)
        self._state.chmod(0o700)
        config = self._state / "tofu.rc"
        config.write_text(
            f"provider_installation {{\n  filesystem_mirror {{\n    path = {json.dumps(str(mirror))}\n  }}\n}}\n"
        )
        self._env = {
            "TF_CLI_CONFIG_FILE": str(config),
            "TF_DATA_DIR": str(self._state / "data"),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            **variables,
        }

    def init(self) -> None:
        """Prepare the folder of the state."""
        backend = f"-backend-config=path={self._state / 'terraform.tfstate'}"
        # Checksums of an earlier build of the provider say nothing: this one is built from the checkout.
        (self._environment.terraform / _CHECKSUMS).unlink(missing_ok=True)
        self._run("init", "-input=false", "-reconfigure", backend)

    def plan(self) -> tuple[bool, str]:
        """Return whether anything would change, and OpenTofu's words about it."""
        done = self._run("plan", *self._given(), "-detailed-exitcode", fine=(0, 2))
        return done.returncode == 2, done.text

    def apply(self, *, parallel: bool = True) -> str:
        """Make what the environment describes, and return OpenTofu's words."""
        return self._run("apply", *self._given(), "-auto-approve", *_parallelism(parallel=parallel)).text

    def destroy(self, *, parallel: bool = True) -> str:
        """Remove all of it."""
        return self._run("destroy", *self._given(), "-auto-approve", *_parallelism(parallel=parallel)).text

    def outputs(self) -> dict[str, object]:
        """Return the outputs of what is there; empty where nothing was made."""
        found = json.loads(self._run("output", "-json").text or "{}")
        return {name: each["value"] for name, each in found.items()}

    def resources(self) -> list[str]:
        """Return the addresses of what is there."""
        if not (self._state / "terraform.tfstate").exists():
            return []
        return self._run("state", "list").text.split()

    def _given(self) -> list[str]:
        return ["-input=false", "-no-color", f"-lock-timeout={_LOCK_S}", f"-var-file={self._environment.file}"]

    def _run(self, verb: str, *arguments: str, fine: Sequence[int] = (0,)) -> process.Completed:
        argv = [self._program, f"-chdir={self._environment.terraform}", verb, *arguments]
        done = process.run(argv, timeout=_RUN_S, env=self._env, keep=_KEEP)
        if done.returncode in fine:
            return done
        words = done.error_text.strip() or done.text.strip()
        if any(each in words for each in _INVALID):
            raise UsageError(f"environment {self._environment.name}:\n{words}", hint=f"see {self._environment.file}")
        if _LOCKED in words:
            raise InfraError(
                f"another process works on the environment {self._environment.name}",
                hint="wait till it has ended; a lock ends with its process",
            )
        raise InfraError(f"`{Path(self._program).name} {verb}` failed:\n{words[-4000:]}")


def _parallelism(*, parallel: bool) -> list[str]:
    return [] if parallel else ["-parallelism=1"]
