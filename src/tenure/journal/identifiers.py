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

# 10xx in binary is the variant of RFC 9562; the two other bits of the digit are random too.
_VARIANTS = range(0x8, 0xC)


def _make_generator() -> Callable[[], tuple[str, int]]:
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

    return generate


_generate = _make_generator()


def _after_fork() -> None:
    global _generate  # noqa: PLW0603 (a copy would make the parent's ids again)
    _generate = _make_generator()


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
