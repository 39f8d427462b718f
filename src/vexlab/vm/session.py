"""A temporary folder for a process's machines, emptied however that process ends."""

from __future__ import annotations

import itertools
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from vexlab import temporary
from vexlab.errors import UsageError
from vexlab.vm.janitor import Janitor

SOCKET_PATH_MOST = 107  # sun_path in unix(7), less the final NUL
_LONGEST_NAME = len("/m9999/console.log")


class Session:
    """The folder ``folder`` and its janitor; ``close`` waits until both are gone."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vexlab-"))
        if len(str(self.folder)) + _LONGEST_NAME > SOCKET_PATH_MOST:
            self.folder.rmdir()
            raise UsageError(
                f"the temporary folder {self.folder.parent} has too long a path for unix sockets",
                hint="set TMPDIR to a shorter one, such as /tmp",
            )
        self._numbers = itertools.count(1)
        self._lock = ExitStack()
        self._lock.enter_context(temporary.hold(self.folder))
        self._janitor = Janitor(self.folder)

    def new_folder(self) -> Path:
        """Return a fresh folder for one machine."""
        folder = self.folder / f"m{next(self._numbers)}"
        folder.mkdir()
        return folder

    def close(self) -> None:
        """End what still runs and remove the folder."""
        self._janitor.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
