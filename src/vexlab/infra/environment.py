"""An environment of machines: its file of variables, what the shell's environment adds, where its state lies."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import vexlab
from vexlab.config import state_dir
from vexlab.errors import UsageError
from vexlab.tables import suggest

FOLDER = "VEXLAB_INFRASTRUCTURE"  # environment variable that says where infrastructure/ is
# What the shell's environment may say, and OpenTofu's variable for it.
VARIABLES: Mapping[str, str] = {
    "VEXFS_SSH_KEY_PATH": "TF_VAR_ssh_key_path",
    "VEXFS_BASE_IMAGE_PATH": "TF_VAR_base_image_path",
    "VEXFS_STORAGE_POOL": "TF_VAR_storage_pool",
    "VEXFS_NETWORK_CIDR": "TF_VAR_network_cidr",
    "TERRAFORM_LOG": "TF_LOG",
}
_ASSIGNED = re.compile(r"^\s*(\w+)\s*=", re.MULTILINE)  # memory = "512M"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """An environment by its ``name``; ``code`` is infrastructure/, ``file`` its variables, ``state`` a folder."""

    name: str
    code: Path
    file: Path
    state: Path

    @property
    def terraform(self) -> Path:
        """The folder of OpenTofu's configuration."""
        return self.code / "terraform"

    def says(self, variable: str) -> bool:
        """Whether the environment's file sets ``variable``."""
        return variable in _ASSIGNED.findall(self.file.read_text())


def find_environment(name: str) -> Environment:
    """Return the environment ``name``; raise ``UsageError``."""
    given = os.environ.get(FOLDER)
    code = Path(given) if given else Path(vexlab.__file__).parents[2] / "infrastructure"
    if not (code / "terraform" / "main.tf").is_file():
        raise UsageError(
            f"{code} holds no infrastructure code",
            hint=f"{FOLDER} says where the folder infrastructure/ of a checkout is",
        )
    known = sorted(file.stem for file in (code / "terraform" / "environments").glob("*.tfvars"))
    if name not in known:
        raise UsageError(f"there is no environment `{name}`", hint=suggest(name, known))
    file = code / "terraform" / "environments" / f"{name}.tfvars"
    return Environment(name=name, code=code.absolute(), file=file.absolute(), state=state_dir() / "infra" / name)


def variables_of(given: Mapping[str, str]) -> dict[str, str]:
    """Return OpenTofu's variables for those of the shell's environment that are set."""
    return {ours: given[theirs] for theirs, ours in VARIABLES.items() if given.get(theirs)}
