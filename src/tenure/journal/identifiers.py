"""Identifiers that sort by time and are unique across processes and machines.

They are UUIDs of version 7 (RFC 9562, section 5.7) written as 32 hexadecimal digits: 48 bits of
milliseconds, 12 bits of the fraction of the millisecond (method 3 of section 6.2), a counter of
24 bits, and 38 random bits drawn once per process.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# 10xx in binary is the variant of RFC 9562; the two other bits of the digit are random too.
_VARIANTS = range(0x8, 0xC)


Ids = tuple[list[str], "npt.NDArray[np.int64]"]


def _make_generators() -> tuple[Callable[[], tuple[str, int]], Callable[[int], Ids]]:
    tag = secrets.token_hex(9)[:9]
    variant = secrets.choice(_VARIANTS) << 24
    counter = count(secrets.randbits(16)).__next__
    clock = time.time_ns
    last = 0

    def generate() -> tuple[str, int]:
        nonlocal last
        now = clock()
        # A clock that is set back must not make a later id sort first.
        if now < last:
            now = last
        else:
            last = now
        millis, rest = divmod(now, 1_000_000)
        # two numbers to write in the place of four
        head = millis << 16 | 0x7000 | (rest << 12) // 1_000_000
        return f"{head:016x}{variant | counter() & 0xFFFFFF:07x}{tag}", now // 1000

    def generate_many(n: int) -> Ids:
        import numpy as np

        nonlocal last
        begin, end = last, max(clock(), last)
        last = end
        # the latest is made now, each other one a microsecond before the next, and none before this call's forerunner
        step = min(1000, (end - begin) // max(n, 1))
        times = end - step * np.arange(n - 1, -1, -1, dtype=np.int64)
        millis, rest = np.divmod(times, 1_000_000)
        halves = np.empty((n, 2), dtype=">u8")
        halves[:, 0] = millis << 16 | 0x7000 | (rest << 12) // 1_000_000
        # a tag of their own, since they do not use up the counter
        halves[:, 1] = np.arange(n, dtype=np.uint64) << np.uint64(36) | np.uint64(
            variant << 36 | secrets.randbits(36)
        )
        text = halves.tobytes().hex()
        return [text[start : start + 32] for start in range(0, 32 * n, 32)], times // 1000

    return generate, generate_many


_generate, _generate_many = _make_generators()


def _after_fork() -> None:
    global _generate, _generate_many
    _generate, _generate_many = _make_generators()


os.register_at_fork(after_in_child=_after_fork)


def new_id() -> str:
    """Return a new identifier: 32 hexadecimal digits; later ones of one process sort later.

    >>> first, second = new_id(), new_id()
    >>> len(first), first < second
    (32, True)
    """
    return _generate()[0]


def new_id_and_time() -> tuple[str, int]:
    """Return a new identifier and the time it carries, in microseconds since the epoch (UTC)."""
    return _generate()


def new_ids_and_times(n: int) -> Ids:
    """Return up to 2^24 new identifiers in order, a microsecond apart, and the times they carry (microseconds, UTC).

    A fraction of the work of one after the other, and hardly any of it in the interpreter.

    >>> ids, times = new_ids_and_times(3)
    >>> new_id() > ids[2] > ids[1] > ids[0], (times[1:] > times[:-1]).all()
    (True, np.True_)
    """
    return _generate_many(n)


def first_id_at(micros: int) -> str:
    """Return the smallest identifier of a time given in microseconds since the epoch (UTC).

    The fraction of an identifier is rounded to 0.24 us, so an identifier of the microsecond before may
    lie above it: a query narrows by identifier, and compares the time itself as well.

    >>> first_id_at(0)
    '00000000000070000000000000000000'
    >>> identifier, micros = new_id_and_time()
    >>> first_id_at(micros) <= identifier < first_id_at(micros + 1000)
    True
    """
    millis, rest = divmod(max(micros, 0), 1000)
    return f"{millis:012x}7{(rest << 12) // 1000:03x}{'0' * 16}"
