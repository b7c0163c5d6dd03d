"""A version that answers a share of the rows, beside the champion."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from xxhash import xxh3_64_intdigest

from tenure.errors import ReleaseError
from tenure.journal.entries import row_key
from tenure.serve.champion import ServedModel, load_release
from tenure.serve.settings import Beside, ServeSettings

log = logging.getLogger(__name__)

_HASHES = 2**64


class Canary:
    """Which rows fall to the version, and the version itself once it is loaded. model: None until then, or for good."""

    def __init__(self, asked: Beside) -> None:
        self.model: ServedModel | None = None
        self.version = asked.version
        self._asked = asked
        self._is_failing = False
        self._is_champion = False

    async def load(self, settings: ServeSettings) -> None:
        """Load its release in a thread. What cannot be loaded is reported, and the champion answers alone."""
        asked = self._asked
        loop = asyncio.get_running_loop()
        given = (settings.title, asked.version, asked.release, settings.redaction, "serve.canary")
        try:
            self.model = await loop.run_in_executor(None, load_release, *given)
        except Exception as error:
            log.error("version %s answers no rows: %s", asked.version, error)
        else:
            log.info("version %s answers %g %% of the rows", asked.version, 100 * asked.share)

    def places(self, champion: ServedModel, rows: Sequence[Mapping[str, Any]]) -> list[int]:
        """Which of rows fall to the version; none while it cannot stand in for the champion."""
        if self.model is None:
            return []
        if self.model.release == champion.release:
            if not self._is_champion:
                log.warning("version %s is the champion itself: it answers all rows", self.version)
            self._is_champion = True
            return []
        self._is_champion = False
        try:
            self._check(self.model, champion)
        except ReleaseError as error:
            self.complain(error)
            return []
        id_column = champion.scorer.recipe.id
        share = self._asked.share
        return [place for place, row in enumerate(rows) if _falls_to_it(row, id_column, share)]

    def complain(self, error: Exception) -> None:
        """Say it once, not with every row."""
        if not self._is_failing:
            log.error("version %s does not answer, the champion does: %s", self.version, error)
        self._is_failing = True

    def _check(self, model: ServedModel, champion: ServedModel) -> None:
        own, other = model.scorer.recipe.target, champion.scorer.recipe.target
        if (own.name, own.task, own.classes) != (other.name, other.task, other.classes):
            raise ReleaseError(f"it predicts {own.name!r} of {own.classes}, the champion {other.name!r}")


def _falls_to_it(row: Mapping[str, Any], id_column: str | None, share: float) -> bool:
    """By a hash of the row's id, or of the whole row without one: the same row, the same version.

    A larger share keeps the rows of a smaller one.
    """
    key = None if id_column is None else row_key(row.get(id_column))
    told = msgspec.json.encode(row) if key is None else key.encode()
    return xxh3_64_intdigest(b"canary\0" + told) < share * _HASHES
