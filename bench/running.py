"""A run of vexlab's command line, from this checkout, and what it wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
VEXFS = ROOT / "targets" / "vexfs"


def run_vexlab(*argv: str, timeout: float = 1200, **env: str) -> tuple[dict[str, Any], float]:
    """Return the results of ``vexlab run ARGV`` as JSON has them, and its seconds; end where it gives none."""
    env = {"PYTHONDONTWRITEBYTECODE": "", **env}  # the first run leaves bytecode for the next, whatever the shell says
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "result.json")
        command = [sys.executable, "-m", "vexlab", "run", "--results", folder, "--json", str(file), *argv]
        begin = time.perf_counter()
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=timeout, env={**os.environ, **env}
        )
        seconds = time.perf_counter() - begin
        if not file.exists():
            raise SystemExit(f"{' '.join(command)} gave no result:\n{done.stderr}")
        return json.loads(file.read_text()), seconds
