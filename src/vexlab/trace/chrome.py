"""The time line of a trace in the Trace Event Format, which Perfetto and chrome://tracing read. Pure."""

from __future__ import annotations

import msgspec

from vexlab.model.trace import Trace
from vexlab.tables import visible

_DISK = 1_000_000  # where the rows of disks begin, far above any thread's


def chrome_trace(trace: Trace) -> bytes:
    """Return the calls as complete events, in µs since the first; a row for each thread, one for each disk."""
    begin = min((call.start for call in trace.calls), default=0)
    rows: dict[int, str] = {}
    events: list[dict[str, object]] = []
    for call in trace.calls:
        row = call.thread + _DISK if call.detail else call.thread
        rows.setdefault(row, "disk" if call.detail else f"{visible(call.command)} {call.thread}")
        events.append(
            {
                "name": call.probe,
                "cat": trace.module,
                "ph": "X",
                "ts": (call.start - begin) / 1000,
                "dur": call.duration / 1000,
                "pid": 1,
                "tid": row,
                "args": {
                    "command": visible(call.command),
                    **({"request": visible(call.detail)} if call.detail else {}),
                },
            }
        )
    names = [
        {"name": "thread_name", "ph": "M", "pid": 1, "tid": row, "args": {"name": name}} for row, name in rows.items()
    ]
    whole = {"name": "process_name", "ph": "M", "pid": 1, "args": {"name": f"{trace.target} on {trace.kernel}"}}
    return msgspec.json.encode({"displayTimeUnit": "ms", "traceEvents": [whole, *names, *events]})
