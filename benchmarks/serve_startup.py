"""From the start of the process to /readyz answering 200: tenure against a bare FastAPI app.

    python benchmarks/serve_startup.py [--release DIR] [--rounds 7]

Both are started in turn, on the same server settings. Goal: a ratio of at most 1.5.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from serving import free_port, make_project, no_op_command, our_command, parse_arguments, running


def main() -> None:
    arguments = parse_arguments(__doc__)
    seconds: dict[str, list[float]] = {"bare FastAPI": [], "tenure serve": []}
    with tempfile.TemporaryDirectory() as folder:
        served = make_project(Path(folder), arguments.release, arguments.rows)
        for round_number in range(arguments.rounds + 1):
            port = free_port()
            commands = {
                "bare FastAPI": no_op_command(served, port),
                "tenure serve": our_command(served, port, Path(folder) / "journal.db"),
            }
            for name, command in commands.items():
                with running(command, port) as (_, ready):
                    if round_number:  # the first round fills the disk's cache
                        seconds[name].append(ready)
    for name, values in seconds.items():
        print(f"{name:14} median {statistics.median(values):.3f} s, best {min(values):.3f} s")
    bare, ours = seconds.values()
    ratios = [b / a for a, b in zip(bare, ours, strict=True)]
    print(f"ratio          median {statistics.median(ratios):.2f} (goal: at most 1.5)")


if __name__ == "__main__":
    main()
