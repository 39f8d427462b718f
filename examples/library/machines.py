"""Two fresh machines: what one does to its kernel never reaches the other. Run it in a checkout of vexlab."""

from __future__ import annotations

import sys

from vexlab import VMManager


def main() -> None:
    """Write a file in one machine, and look for it in the other."""
    with VMManager() as manager:
        first, second = manager.create_vm(), manager.create_vm()
        manager.copy_file_to_vm(first.vm_id, __file__, "/root/here")
        here = manager.execute_command(first.vm_id, ["wc", "-c", "/root/here"])
        there = manager.execute_command(second.vm_id, ["ls", "/root/here"])
        sys.stdout.write(f"first: {here.text}; second: status {there.status}\n")


if __name__ == "__main__":
    main()
