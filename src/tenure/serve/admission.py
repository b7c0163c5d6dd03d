"""Which requests are taken in, so that those that are keep their latency when more come than can be answered.

All that has arrived when a turn of the event loop begins is answered in that turn, one after the other: how long the
turn takes already is how long a request has waited for others. A burst may take `max_delay`. A queue that stands
would keep every request waiting as long and answer none the sooner, so then a turn may take two fifths of it. A queue
stands when no turn has been as short as that for 100 ms, until all have been for as long: the controlled delay of
Nichols and Jacobson (2012), near the form that Maurer (2015) gave it for servers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter

from tenure.serve.limits import Refused

_SETTLED = 0.1
_STANDING_SHARE = 0.4


class Admission:
    """The requests of one event loop that are being answered.

    max_waiting: how many may be.  max_delay: seconds that a request may have waited for others in a burst.
    clock: seconds.
    """

    def __init__(self, max_waiting: int, max_delay: float, clock: Callable[[], float] = perf_counter) -> None:
        self._max_waiting = max_waiting
        self._max_delay = max_delay
        self._short = max_delay * _STANDING_SHARE
        self._clock = clock
        self._waiting = 0
        self._began: float | None = None
        self._ended = self._last_short = self._last_long = clock()
        self._stands = False

    def check(self) -> None:
        """Raises Refused (503) when too many requests are in, or one that comes now has waited too long."""
        if self._waiting >= self._max_waiting:
            raise Refused(503, f"{self._waiting} requests are being answered", todo="try again in a second")
        longest = self._short if self._stands else self._max_delay
        if self._began is not None and self._clock() - self._began > longest:
            raise Refused(
                503, "more requests came than can be answered in time", todo="try again in a second"
            )

    def enter(self) -> None:
        """Take a request in; `leave` lets it go. Raises Refused as check does."""
        self.check()
        self._waiting += 1
        if self._began is None:
            self._began = began = self._clock()
            if began - self._ended > self._short:
                self._note(began, is_short=True)  # nobody was there
            asyncio.get_running_loop().call_soon(self._end_turn, began)

    def leave(self) -> None:
        """A request that was taken in is done."""
        self._waiting -= 1

    def _end_turn(self, began: float) -> None:
        self._ended = self._clock()
        self._note(self._ended, is_short=self._ended - began <= self._short)
        self._began = None

    def _note(self, now: float, *, is_short: bool) -> None:
        if is_short:
            self._last_short = now
        else:
            self._last_long = now
        if self._stands:
            self._stands = now - self._last_long <= _SETTLED
        else:
            self._stands = now - self._last_short > _SETTLED
