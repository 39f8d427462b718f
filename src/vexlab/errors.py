"""Every error vexlab raises on its own account.

::

    VexlabError                 never raised itself
    ├── UsageError              the input is wrong                          exit 2
    ├── BuildError              the module's source does not build          exit 1
    ├── TargetFailure           the target did not do what it must          exit 1
    ├── Blocked                 another problem of the target is in the way  exit 4
    └── InfraError              the lab itself failed, never the module     exit 3
        ├── FetchError          a package or kernel could not be had
        ├── CacheError          the cache cannot be read or written
        ├── DeadlineError       a step of our own took too long
        │   └── CaseDeadline    a case did not end on the host
        └── MachineError        QEMU or the guest's agent misbehaved
            ├── AgentError      the agent answered with an error
            ├── DiskFault       the host could not read or write a disk of the guest
            ├── GuestTimeout    a guest command outlived its deadline
            └── MachineLost     the machine stopped answering
                ├── OddAnswer     the agent's answer is none
                ├── HangAgain     the kernel hangs where another case of the run has shown it
                └── EmulatorDied  QEMU itself was killed or crashed

What the kernel under test does wrong is a finding: data, not an exception (``vexlab.model.finding``).
"""

from __future__ import annotations


class VexlabError(Exception):
    """What all errors of ours share: a message, the next step, an exit status.

    ``hint`` is what the reader should try next; the command line prints it below the message.
    """

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(VexlabError):
    """The user's input is wrong: an option, a file, a name."""

    exit_code = 2


class BuildError(VexlabError):
    """The module's source does not build; ``log`` is what the compiler said."""

    exit_code = 1

    def __init__(self, message: str, *, log: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.log = log


class TargetFailure(VexlabError, AssertionError):
    """The filesystem or module under test did not do what it must: what ``assert`` is to a case.

    Library code raises it, since ``assert`` is gone under ``python -O``; a case that lets it through has failed.
    """

    exit_code = 1


class Blocked(VexlabError):
    """A case cannot look at what it is about: ``by`` names the problem in the way, which another case reports."""

    exit_code = 4

    def __init__(self, message: str, *, by: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.by = by


class InfraError(VexlabError):
    """The lab failed: a missing program, a full disk, a broken host. Never blames the module."""


class FetchError(InfraError):
    """A package or kernel could not be downloaded or verified."""


class CacheError(InfraError):
    """The cache folder cannot be read or written."""


class DeadlineError(InfraError):
    """A step of ours outlived its deadline."""


class CaseDeadline(DeadlineError):
    """The code of a case did not come to its end on the host; no command in a guest was waited for."""


class MachineError(InfraError):
    """QEMU or the agent inside the guest misbehaved."""


class AgentError(MachineError):
    """The guest agent answered a request with an error of its own."""


class DiskFault(MachineError):
    """The host could not read or write the file behind a disk of the guest: its disk is full, or broken."""


class GuestTimeout(MachineError):
    """A command inside the guest did not end within its deadline.

    ``pid`` is its process there, 0 if unknown; ``seconds`` is how long it was waited for, in the machine's own time.
    """

    def __init__(self, message: str, *, command: str = "", pid: int = 0, seconds: float = 0.0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.command = command
        self.pid = pid
        self.seconds = seconds


class TaskBlocked(GuestTimeout):
    """The kernel says again and again that a task is blocked; the command's deadline is not over yet."""


class HostBusy(MachineError):
    """The host gave the machine so little of its CPUs that a command's deadline says nothing about the guest."""


class BootPanic(MachineError):
    """A kernel panicked while it booted, before anything of the target was in the machine."""


class MachineLost(MachineError):
    """The machine stopped answering: it panicked, hung, or QEMU ended."""


class OddAnswer(MachineLost):
    """The guest's agent sent something that is no answer: the guest is no longer in its right mind."""


class HangAgain(MachineLost):
    """The kernel hangs where another case of the same run has shown it to hang; ``by`` is that finding's title."""

    def __init__(self, message: str, *, by: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.by = by


class EmulatorDied(MachineLost):
    """QEMU itself ended by a signal: the host's doing or a bug of QEMU's, so nothing is known about the module."""
