"""Work on two batches at once: the next one is made while this one is used."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items in the same order, each made on a second thread while the one before it is used.

    One item waits at most, so that memory stays bounded; what making one raises is raised in its place.

    >>> list(ahead(iter("abc")))
    ['a', 'b', 'c']
    """
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as worker:
        waiting = worker.submit(_next, items)
        while found := waiting.result():
            waiting = worker.submit(_next, items)
            yield found[0]


def _next(items: Iterator[T]) -> tuple[T] | None:
    # StopIteration would not pass through a future.
    for item in items:
        return (item,)
    return None
