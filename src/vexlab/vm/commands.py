"""Who runs commands in a guest: its command runner while that answers, else the packaged agent."""

from __future__ import annotations

import threading
from collections.abc import Callable

from vexlab.deadline import Deadline
from vexlab.errors import GuestTimeout, MachineLost
from vexlab.vm.agent import Agent
from vexlab.vm.argv import MachineFiles
from vexlab.vm.runner import Runner

_GREET_S = 5.0  # a runner that gives no sign of life for so long is done without
CONNECT_S = 20.0


class Commands:
    """The connections to one guest's agent and, where it ``has_runner``, to its command runner.

    ``idle`` and ``stopwatch`` are as in ``Agent``. A runner that is gone or silent before a command is sent is done
    without from then on; where it goes while a command runs, nobody can tell how that ended: ``MachineLost``.
    """

    def __init__(self, files: MachineFiles, *, idle: Callable[[], None], stopwatch: Callable[[], float]) -> None:
        self.has_runner = False
        self._files = files
        self._idle = idle
        self._stopwatch = stopwatch
        self._agent: Agent | None = None
        self._runner: Runner | None = None
        self._runner_open = True
        self._alone = threading.Lock()  # a case may use threads

    def connect(self) -> None:
        """Connect to both.

        Done before a template's state is loaded, as it was when that was saved, the guest sees no port change.
        """
        self.agent(Deadline.after(CONNECT_S))
        if self.has_runner and not self._runner:
            self._runner_open = True
            self._runner = Runner(self._files.runner, idle=self._runner_idle, stopwatch=self._stopwatch)

    def disconnect(self) -> None:
        """Close the connections; agent and runner go on."""
        if self._agent:
            self._agent.close()
        if self._runner:
            self._runner.close()
        self._agent = self._runner = None

    def agent(self, deadline: Deadline) -> Agent:
        """Return the agent, which may not answer."""
        if self._agent is None:
            self._agent = Agent(self._files.agent, deadline, idle=self._idle, stopwatch=self._stopwatch)
        return self._agent

    def runner(self, deadline: Deadline) -> Runner | None:
        """Return the command runner where there is one, and it answers or did so last."""
        with self._alone:
            runner = self._runner
            if runner and self._runner_open and not runner.answers:
                self._greet(runner, deadline)
            if runner and not self._runner_open:
                runner.close()
                runner = self._runner = None
            return runner

    def fastest(self, deadline: Deadline) -> Runner | Agent:
        """Return the runner, else the agent."""
        return self.runner(deadline) or self.agent(deadline)

    def runner_changed(self, *, is_open: bool) -> None:
        """Take note of QEMU's word that the guest has opened or closed the runner's port."""
        self._runner_open = is_open

    def _greet(self, runner: Runner, deadline: Deadline) -> None:
        try:
            runner.greet(deadline.sooner(min(_GREET_S, deadline.remaining / 2)))
        except GuestTimeout:
            self._runner_open = False
        except MachineLost:
            if self._runner_open:
                raise

    def _runner_idle(self) -> None:
        self._idle()
        if not self._runner_open:
            raise MachineLost("the guest's command runner is gone while the kernel runs on")
