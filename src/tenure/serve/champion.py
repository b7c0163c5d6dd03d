"""The model that a service answers with, and the watch for a newly promoted one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Thread
from typing import Any

import msgspec

from tenure.errors import ReleaseError
from tenure.journal.redaction import Redaction
from tenure.release.scorer import Scorer

log = logging.getLogger(__name__)

# A release that could not be loaded is tried again after so many looks at the pointer.
_LOOKS_BEFORE_RETRY = 10


class Pointer(msgspec.Struct, frozen=True):
    """The champion file. release: the release's folder, relative to the project's."""

    name: str
    version: str
    release: str


@dataclass(frozen=True)
class ServedModel:
    """A release that is loaded, checked and warm."""

    name: str
    version: str
    release: str
    folder: Path
    scorer: Scorer

    @cached_property
    def json(self) -> msgspec.Raw:
        """The model's name and version as they stand in each answer."""
        return msgspec.Raw(msgspec.json.encode({"name": self.name, "version": self.version}))

    def expect_lists(self) -> None:
        """Load what makes long lists quick, beside the requests; to be called when one comes."""
        _ = self._warming

    @cached_property
    def _warming(self) -> Thread:
        thread = Thread(target=self.scorer.predictor.warm_up, name="warm up", daemon=True)
        thread.start()
        return thread

    @property
    def example(self) -> dict[str, Any]:
        """A raw row of the training data: the first golden row."""
        return dict(self.scorer.golden[0]["row"])


def read_pointer(path: Path) -> Pointer:
    """Return what the champion file says. Raises ReleaseError if there is none, or it is damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Pointer)
    except FileNotFoundError as error:
        raise ReleaseError("no model has been promoted yet", where=str(path), todo="tenure run") from error
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ReleaseError(
            f"the champion file cannot be read: {error}", where=str(path), todo="tenure promote VERSION"
        ) from error


def load_model(pointer_path: Path, root: Path, redaction: Redaction | None = None) -> ServedModel:
    """Load the champion's release, prove it on its golden rows, and warm it up.

    root: what the pointer's release path is relative to.
    Raises ReleaseError, and ConfigError where redaction names a column that the model needs.
    """
    pointer = read_pointer(pointer_path)
    return load_release(pointer.name, pointer.version, root / pointer.release, redaction, str(pointer_path))


def load_release(
    name: str, version: str, folder: Path, redaction: Redaction | None, where: str
) -> ServedModel:
    """Load a release, prove it on its golden rows, and warm it up. where: what names it, for messages."""
    scorer = Scorer.load(folder)
    if redaction is not None:
        redaction.check(scorer.needed_names, where)
    scorer.check_golden()
    model = ServedModel(name, version, scorer.manifest.release, folder, scorer)
    _warm_up(model)
    return model


def _warm_up(model: ServedModel) -> None:
    model.scorer.score_row(model.example)
    model.scorer.explain_row(model.example, 1)


class Champion:
    """Holds the served model and swaps it when the champion file changes.

    A request takes `model` once and keeps to it; the swap is one assignment. A release that cannot be loaded
    is reported and the one before goes on. on_change is told of each swap (True) and each refusal (False).
    """

    def __init__(
        self,
        pointer: Path,
        root: Path,
        *,
        poll_seconds: float,
        on_change: Callable[[bool], None],
        redaction: Redaction | None = None,
    ) -> None:
        self.model: ServedModel | None = None
        self.problem: str | None = "the model is not loaded yet"
        self._pointer = pointer
        self._root = root
        self._redaction = redaction
        self._poll_seconds = poll_seconds
        self._on_change = on_change
        self._stamp: tuple[int, ...] | None = None

    def load(self) -> None:
        """Load the model the champion file names now. Raises ReleaseError, and keeps the model before."""
        stamp = self._look()
        try:
            model = load_model(self._pointer, self._root, self._redaction)
        except Exception as error:
            self._refuse(error)
            raise
        finally:
            self._stamp = stamp
        self._swap(model)

    async def watch(self) -> None:
        """Look at the champion file for ever."""
        looks = 0
        while True:
            await asyncio.sleep(self._poll_seconds)
            stamp = self._look()
            looks += 1
            retry = self.problem is not None and looks >= _LOOKS_BEFORE_RETRY
            if stamp == self._stamp and not retry:
                continue
            looks = 0
            self._stamp = stamp
            await self._refresh()

    async def _refresh(self) -> None:
        try:
            loop = asyncio.get_running_loop()
            if self._is_served(await loop.run_in_executor(None, read_pointer, self._pointer)):
                self.problem = None
                return
            # In a thread: requests are answered by the model before, meanwhile.
            self._swap(
                await loop.run_in_executor(None, load_model, self._pointer, self._root, self._redaction)
            )
        except Exception as error:
            self._refuse(error)

    def _is_served(self, pointer: Pointer) -> bool:
        model = self.model
        return model is not None and (model.name, model.version, model.folder.name) == (
            pointer.name,
            pointer.version,
            Path(pointer.release).name,
        )

    def _swap(self, model: ServedModel) -> None:
        self.model, self.problem = model, None
        log.info("serving %s version %s (release %s)", model.name, model.version, model.release)
        self._on_change(True)

    def _refuse(self, error: Exception) -> None:
        if str(error) == self.problem:
            return  # said before
        self.problem = str(error)
        kept = f"version {self.model.version} goes on" if self.model else "there is no model to serve"
        log.error("the promoted release was refused, %s: %s", kept, error)
        self._on_change(False)

    def _look(self) -> tuple[int, ...] | None:
        try:
            found = self._pointer.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size
