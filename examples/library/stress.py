"""A stress of one's own, as a component: files are made and removed, and none may stay."""

from __future__ import annotations

from vexlab import StressTestFramework


class CustomStressTest(StressTestFramework):
    """Makes and removes files on the guest's root, over and over."""

    def __init__(self) -> None:
        super().__init__()
        self.custom_config = self.load_custom_config()

    def run_custom_scenario(self) -> None:
        """Make a hundred files, remove them, and see that none is left."""
        script = "mkdir -p /root/s && cd /root/s && for i in $(seq 100); do : >$i; done && rm -f * && ls | wc -l"
        left = self.machine.shell(script)
        assert left.text == "0", f"{left.text} files are left"
