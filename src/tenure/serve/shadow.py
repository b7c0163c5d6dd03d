"""A version that only listens: it scores what the champion has answered, after the answer left.

What it says is in the journal beside the prediction, and counted; a client never sees it. Whatever fails here fails
here alone.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import msgspec

from tenure.errors import RowsRefused
from tenure.journal.entries import NewShadow
from tenure.journal.group_commit import GroupCommit
from tenure.serve.champion import ServedModel, load_release
from tenure.serve.metrics import ServiceMetrics
from tenure.serve.settings import Beside, ServeSettings

log = logging.getLogger(__name__)

MOST_WAITING = 1000
"""Rows that wait to be scored; beyond them rows are dropped, because answers come first and memory must not grow."""
_ROWS_PER_COMMIT = 256

_encode = msgspec.json.encode
_Shown = tuple[str, str | float, dict[str, Any]]


class Shadow:
    """One version beside the champion. Use from the service's event loop only."""

    def __init__(
        self,
        settings: ServeSettings,
        asked: Beside,
        metrics: ServiceMetrics,
        journal: GroupCommit | None,
    ) -> None:
        self._settings = settings
        self._asked = asked
        self._metrics = metrics
        self._journal = journal
        self._waiting: deque[_Shown] = deque()
        self._arrived = asyncio.Event()
        self._is_failing = False
        self._is_off = False
        self._is_champion = False

    def show(
        self, rows: Sequence[dict[str, Any]], answers: Sequence[Mapping[str, Any]], champion: str
    ) -> None:
        """Take answered rows, to be scored when the loop has time, but for those that the version answered itself.

        answers: of the rows, in their order.  champion: the version that gave those that name none.
        """
        if self._is_off:
            return
        if champion == self._asked.version and not self._is_champion:
            log.warning("version %s is the champion itself: it has nothing to add", champion)
        self._is_champion = champion == self._asked.version
        shown = [
            (str(answer["id"]), answer["prediction"], row)
            for row, answer in zip(rows, answers, strict=True)
            if "id" in answer and answer.get("version", champion) != self._asked.version
        ]
        room = MOST_WAITING - len(self._waiting)
        if len(shown) > room:
            self._metrics.count_shadow(self._asked.version, "dropped", len(shown) - room)
        self._waiting.extend(shown[:room])
        self._arrived.set()

    async def run(self) -> None:
        """Score what is shown, for ever. Without a release that can be loaded, nothing is."""
        asked = self._asked
        try:
            model = await asyncio.get_running_loop().run_in_executor(
                None,
                load_release,
                self._settings.title,
                asked.version,
                asked.release,
                self._settings.redaction,
                "serve.shadow",
            )
        except Exception as error:
            log.error("version %s does not listen: %s", asked.version, error)
            self._is_off = True
            self._waiting.clear()
            return
        log.info("version %s (release %s) listens", asked.version, model.release)
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                await self._score_some(model)

    async def _score_some(self, model: ServedModel) -> None:
        scored: list[NewShadow] = []
        while self._waiting and len(scored) < _ROWS_PER_COMMIT:
            await asyncio.sleep(0)  # requests first, one row a turn of the loop
            identifier, given, row = self._waiting.popleft()
            entry = self._score(model, identifier, given, row)
            if entry is not None:
                scored.append(entry)
        if scored and self._journal is not None:
            try:
                await self._journal.add_shadows(scored)
            except Exception as error:
                self._complain(error)
            else:
                self._is_failing = False

    def _score(
        self, model: ServedModel, identifier: str, given: str | float, row: dict[str, Any]
    ) -> NewShadow | None:
        started = perf_counter()
        try:
            score = model.scorer.score_row(row)
        except RowsRefused:
            self._metrics.count_shadow(model.version, "refused")
            return None
        except Exception as error:
            self._metrics.count_shadow(model.version, "failed")
            self._complain(error)
            return None
        if isinstance(score.prediction, str):
            result = "same" if score.prediction == given else "different"
        else:
            result = "scored"
        self._metrics.count_shadow(model.version, result)
        probabilities = score.probabilities
        return NewShadow(
            identifier,
            model.version,
            model.release,
            score.prediction,
            score.probability,
            _encode(score.margins).decode(),
            _encode(probabilities).decode() if probabilities is not None and len(probabilities) > 2 else None,
            perf_counter() - started,
        )

    def _complain(self, error: Exception) -> None:
        """Say it once, not with every row."""
        if not self._is_failing:
            log.error("version %s, which only listens, failed: %s", self._asked.version, error)
        self._is_failing = True
