"""Work on two batches at once: the next one is made while this one is used, or this one is used behind its maker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

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


class Behind(Generic[T]):
    """Does something with each item in turn, on a second thread, while the caller makes the next one.

    One item waits at most, so that memory stays bounded. What using an item raises is raised by the next put, or at
    the end, and in place of what the caller raises on its way: its item came first.

    >>> used = []
    >>> with Behind(used.append) as behind:
    ...     behind.put("a")
    ...     behind.put("b")
    >>> used
    ['a', 'b']
    """

    def __init__(self, use: Callable[[T], object]) -> None:
        self._use = use
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="behind")
        self._waiting: Future[object] | None = None

    def put(self, item: T) -> None:
        """Hand over the next item, when the one before it has been used."""
        self._settle()
        self._waiting = self._worker.submit(self._use, item)

    def __enter__(self) -> Behind[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.shutdown()
        self._settle()

    def _settle(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.result()
