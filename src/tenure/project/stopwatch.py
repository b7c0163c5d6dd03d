"""How long work takes, on the wall and on the processor."""

from __future__ import annotations

import resource
import time


class Stopwatch:
    """Runs from when it is made. Seconds; of this process with its threads, and of processes it has waited for."""

    def __init__(self) -> None:
        self._wall = time.perf_counter()
        self._processor = _processor()

    def wall(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self._wall

    def processor(self) -> float:
        """Seconds of all cores together since the start."""
        return _processor() - self._processor


def _processor() -> float:
    used = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in used)
