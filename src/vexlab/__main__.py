"""``python -m vexlab``."""

from vexlab.cli.main import main

main()
