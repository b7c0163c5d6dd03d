"""What the routes of one service share: its settings, model, journal and counters."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import msgspec

from tenure.journal.entries import NewRefusal
from tenure.journal.group_commit import GroupCommit
from tenure.serve.admission import Admission
from tenure.serve.canary import Canary
from tenure.serve.champion import Champion, ServedModel
from tenure.serve.limits import Guard, Refused
from tenure.serve.metrics import ServiceMetrics
from tenure.serve.settings import ServeSettings
from tenure.serve.shadow import Shadow

log = logging.getLogger(__name__)

_PROBLEMS_KEPT = 20
# What a client with the right to ask got wrong. Strangers (401) must not be able to fill the disk.
_KEPT_STATUSES = frozenset({400, 413, 415, 422})


class Service:
    """One running service. journal, shadow and canary are None before it runs, and where there are none."""

    def __init__(self, settings: ServeSettings) -> None:
        self.settings = settings
        self.metrics = ServiceMetrics()
        self.guard = Guard(tokens=settings.tokens, max_body=settings.max_body, patience=settings.patience)
        self.admission = Admission(settings.max_waiting, settings.max_delay)
        self.champion = Champion(
            settings.pointer,
            settings.root,
            poll_seconds=settings.poll_seconds,
            on_change=self._model_changed,
            redaction=settings.redaction,
        )
        self.journal: GroupCommit | None = None
        self.shadow: Shadow | None = None
        self.canary: Canary | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Open the journal, load the model if that is not done yet, and watch for new ones meanwhile.

        Without a loadable model the service runs, but is not ready. Raises JournalError.
        """
        if self.settings.journal is not None:
            self.journal = GroupCommit(self.settings.journal)
        if self.champion.model is None:
            with suppress(Exception):  # reported by the champion; /readyz says why
                self.champion.load()
        tasks = [asyncio.create_task(self.champion.watch())]
        if self.settings.canary is not None:
            self.canary = Canary(self.settings.canary)
            tasks.append(asyncio.create_task(self.canary.load(self.settings)))
        if self.settings.shadow is not None:
            self.shadow = Shadow(self.settings, self.settings.shadow, self.metrics, self.journal)
            tasks.append(asyncio.create_task(self.shadow.run()))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            if self.journal is not None:
                await self.journal.close()

    def model(self) -> ServedModel:
        """Return the model that answers now. Raises Refused (503) if there is none yet."""
        model = self.champion.model
        if model is None:
            raise Refused(
                503, f"there is no model to answer with: {self.champion.problem}", todo="try again soon"
            )
        return model

    def note_refusal(self, refused: Refused) -> None:
        """Count a refused request, and keep it in the journal if it is the client's mistake."""
        self.metrics.count_refusal(refused.status)
        if refused.problems and self.champion.model is not None:
            self.metrics.count_bad_cells(refused.problems, self.champion.model.scorer.warned_names)
        if self.journal is not None and refused.status in _KEPT_STATUSES:
            problems = refused.problems[:_PROBLEMS_KEPT] or [{"error": refused.what}]
            self.journal.add_refusal(
                NewRefusal(time.time_ns() // 1000, refused.status, msgspec.json.encode(problems).decode())
            )

    def _model_changed(self, loaded: bool) -> None:
        self.metrics.count_load(self.champion.model, loaded=loaded)
