"""Which requests are taken in: bursts are, a queue that stands is kept short, and nobody is forgotten."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest

from tenure.serve.admission import Admission
from tenure.serve.limits import Refused

COST = 0.0039


class Clock:
    """Time that passes as it is told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


Turn = Callable[[int], Awaitable[int]]


def simulate(work: Callable[[Turn, Clock], Awaitable[None]], max_waiting: int = 1000) -> None:
    """A loop in which each admitted request takes 3.9 ms; a turn may take 50 ms, 20 when a queue stands."""
    clock = Clock()
    admission = Admission(max_waiting, 0.05, clock)

    async def turn(n_requests: int) -> int:
        """So many arrive at once; returns how many are taken in."""
        taken = 0
        for _ in range(n_requests):
            with contextlib.suppress(Refused):
                admission.enter()
                taken += 1
                clock.now += COST
                admission.leave()
        await asyncio.sleep(0)
        return taken

    async def main() -> None:
        await work(turn, clock)

    asyncio.run(main())


def test_a_burst_may_take_its_time() -> None:
    async def work(turn: Turn, clock: Clock) -> None:
        assert await turn(12) == 12
        assert await turn(100) == 13  # the next one would have waited for more than 50 ms
        clock.now += 1
        assert await turn(100) == 13

    simulate(work)


def test_a_queue_that_stands_is_kept_short_until_it_has_been_for_a_while() -> None:
    async def work(turn: Turn, clock: Clock) -> None:
        taken = [await turn(40) for _ in range(6)]
        assert taken[0] == 13
        assert taken[-3:] == [6, 6, 6]
        assert await turn(1) == 1
        assert await turn(40) == 6  # one short turn is not the end of it
        for _ in range(40):
            assert await turn(1) == 1
        assert await turn(40) == 13

    simulate(work)


def test_load_that_the_loop_can_bear_is_never_refused() -> None:
    async def work(turn: Turn, clock: Clock) -> None:
        for n_requests in [4, 9, 3, 8, 5, 1] * 100:
            assert await turn(n_requests) == n_requests
            clock.now += 0.005

    simulate(work)


def test_a_loop_that_had_nothing_to_do_starts_anew() -> None:
    async def work(turn: Turn, clock: Clock) -> None:
        for _ in range(10):
            await turn(40)
        clock.now += 0.2
        assert await turn(40) == 13

    simulate(work)


def test_no_more_than_so_many_are_in_at_once() -> None:
    admission = Admission(2, 0.05)

    async def work() -> None:
        admission.enter()
        admission.enter()
        for ask in (admission.enter, admission.check):
            with pytest.raises(Refused, match="2 requests are being answered") as refused:
                ask()
            assert refused.value.status == 503
        admission.leave()
        admission.check()
        admission.enter()

    asyncio.run(work())
