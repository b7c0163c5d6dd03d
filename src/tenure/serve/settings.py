"""What a service is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Where the model and the journal are, and what a client may ask for.

    pointer: the champion file of a project, PROJECT/.tenure/champion.json.
    releases_root: what the pointer's release path is relative to; None: PROJECT.
    journal: the file for predictions and outcomes; None: nothing is kept, and there are no outcomes.
    token: clients must send it as `Authorization: Bearer TOKEN`; None: anyone may ask.
    max_body: bytes of a request.  max_rows: rows of a request.
    poll_seconds: how often the pointer is looked at for a newly promoted release.
    """

    pointer: Path
    releases_root: Path | None = None
    journal: Path | None = None
    token: str | None = field(default=None, repr=False)
    max_body: int = 1_000_000
    max_rows: int = 10_000
    title: str = "tenure"
    poll_seconds: float = 0.5

    @property
    def root(self) -> Path:
        """What the pointer's release path is relative to."""
        return self.releases_root or self.pointer.absolute().parent.parent
