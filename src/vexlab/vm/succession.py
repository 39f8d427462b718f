"""The program that runs a command once the process that holds the other end of its input is gone.

``succession.py PROGRAM WORD…``: unless "keep" comes on standard input. Run isolated, as ``clearing.py``.
"""

import os
import signal
import sys

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

if __name__ == "__main__":
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if sys.stdin.buffer.read() != b"keep":
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606 - as the argument vector says
