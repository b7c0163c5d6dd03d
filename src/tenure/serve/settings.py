"""What a service is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tenure.journal.place import Place
from tenure.journal.redaction import Redaction


@dataclass(frozen=True, slots=True)
class Beside:
    """A version beside the champion, and the folder of its release. share: of the rows that it answers."""

    version: str
    release: Path
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Where the model and the journal are, and what a client may ask for.

    pointer: the champion file of a project, PROJECT/.tenure/champion.json.
    releases_root: what the pointer's release path is relative to; None: PROJECT.
    shadow: a version that scores what the champion has answered, and is never asked for an answer; None: none.
    canary: a version that answers a share of the rows; None: none.
    journal: where predictions and outcomes are kept; None: nothing is kept, and there are no outcomes.
    redaction: what of a row the journal may hold; None: all.
    relaxed: answer before a prediction is on disk; a sudden end may lose the last ones.
    tokens: clients must send one as `Authorization: Bearer TOKEN`; none: anyone may ask.
    certificate, key: PEM files, for TLS; None: without.
    max_body: bytes of a request.  max_rows: rows of a request.
    max_waiting: requests that are answered at once; those beyond are refused early.
    max_delay: seconds that a request may have waited for others when its turn comes.
    max_upload: bytes of a table sent to /batch.
    patience: seconds that a client may take to send a body.
    skip_bad_rows: answer the good rows of a list, and name the cells of the bad ones in their places.
    json_logs: one JSON object a line.
    traces: a span for each request, to a collector of OpenTelemetry; see traces.py.
    poll_seconds: how often the pointer is looked at for a newly promoted release.
    """

    pointer: Path
    releases_root: Path | None = None
    shadow: Beside | None = None
    canary: Beside | None = None
    journal: Place | None = None
    redaction: Redaction | None = None
    relaxed: bool = False
    tokens: tuple[str, ...] = field(default=(), repr=False)
    certificate: Path | None = None
    key: Path | None = None
    max_body: int = 1_000_000
    max_rows: int = 10_000
    max_waiting: int = 1000
    max_delay: float = 0.05
    max_upload: int = 1_000_000_000
    patience: float = 10.0
    skip_bad_rows: bool = False
    json_logs: bool = False
    traces: bool = False
    title: str = "tenure"
    poll_seconds: float = 0.5

    @property
    def root(self) -> Path:
        """What the pointer's release path is relative to."""
        return self.releases_root or self.pointer.absolute().parent.parent
