"""Receipts of erased persons: what was erased, when and from where, without saying who."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenure.durable import write_durably
from tenure.prepare.versions.persons import ForgottenPersons, digest_of
from tenure.project import digests
from tenure.project.folder import Folder

if TYPE_CHECKING:
    import polars as pl

FORMAT = "tenure-forgotten/1"


@dataclass
class Receipt:
    """One erasure; it is written before each step, so that a killed one is gone on with and counts nothing twice.

    receipt: its name.  person: SHA-256 over salt, a line feed and the person's id.  begun, finished: ISO 8601, UTC.
    columns: where the id was looked for.  erased: place -> rows or files that were taken out of it.
    versions: data version before -> after.  releases: the models that were trained on rows of the person.
    remaining: source -> rows that are still there; they are the user's own.
    unchecked: what could not be looked into, and why.
    """

    receipt: str
    person: str
    salt: str
    begun: str
    columns: list[str]
    finished: str | None = None
    erased: dict[str, int] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    releases: list[str] = field(default_factory=list)
    remaining: dict[str, int] = field(default_factory=dict)
    unchecked: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """JSON data, with the SHA-256 of all the rest."""
        return digests.with_digest({"format": FORMAT, **asdict(self)})

    def note(self, place: str, n: int) -> None:
        """Count what is about to be erased from a place; a repeated step never lowers the count."""
        if n:
            self.erased[place] = max(n, self.erased.get(place, 0))


def open_receipt(folder: Folder, identifier: str, columns: list[str]) -> Receipt:
    """The unfinished receipt of this person, or a new one."""
    for receipt in read_receipts(folder):
        if receipt.finished is None and receipt.person == digest_of(identifier, receipt.salt):
            receipt.columns = sorted({*receipt.columns, *columns})
            return receipt
    salt = _salt(folder)
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"
    return Receipt(name, digest_of(identifier, salt), salt, _now(), columns)


def earlier_receipts(folder: Folder, identifier: str) -> list[str]:
    """The names of the finished receipts of this person."""
    found = (r for r in read_receipts(folder) if r.finished and r.person == digest_of(identifier, r.salt))
    return [receipt.receipt for receipt in found]


def keep_receipt(folder: Folder, receipt: Receipt, *, finished: bool = False) -> None:
    """Write a receipt under .tenure/forgotten/."""
    if finished:
        receipt.finished = _now()
    folder.forgotten.mkdir(exist_ok=True)
    text = json.dumps(receipt.to_dict(), indent=1, ensure_ascii=False)
    write_durably(folder.forgotten / f"{receipt.receipt}.json", text)


def read_receipts(folder: Folder) -> Iterator[Receipt]:
    """The receipts, the oldest first."""
    for path in sorted(folder.forgotten.glob("*.json")):
        body = json.loads(path.read_text(encoding="utf-8"))
        yield Receipt(**{key: value for key, value in body.items() if key not in ("format", "sha256")})


def is_genuine(path: Path) -> bool:
    """Whether a receipt is as it was written: its sha256 is that of the rest, as sorted JSON without spaces."""
    return digests.is_genuine(json.loads(path.read_text(encoding="utf-8")))


def without_forgotten(folder: Folder, rows: pl.LazyFrame) -> tuple[pl.LazyFrame, int]:
    """The rows of a source without those of erased persons, and how many were left out.

    A source that still holds an erased person must not bring them back, in whichever column they were named.
    """
    import polars as pl

    receipts = list(read_receipts(folder))
    marks = []
    for column in rows.collect_schema().names() if receipts else []:
        gone = _forgotten_in(rows, column, [receipt for receipt in receipts if column in receipt.columns])
        if gone:
            marks.append(pl.col(column).is_in(gone).fill_null(False))
    if not marks:
        return rows, 0
    named = pl.any_horizontal(marks)
    return rows.filter(~named), int(rows.select(named.sum()).collect().item())


def _forgotten_in(rows: pl.LazyFrame, column: str, receipts: list[Receipt]) -> list[object]:
    """The values of a column that name erased persons."""
    import polars as pl

    if not receipts:
        return []
    ids = rows.select(pl.col(column).drop_nulls().unique()).collect().to_series()
    return list(
        {value for receipt in _by_salt(receipts) for value in ids.filter(receipt.among(ids)).to_list()}
    )


def _by_salt(receipts: list[Receipt]) -> list[ForgottenPersons]:
    salts = {receipt.salt for receipt in receipts}
    return [ForgottenPersons(salt, frozenset(r.person for r in receipts if r.salt == salt)) for salt in salts]


def _salt(folder: Folder) -> str:
    """One salt a project, so that many receipts cost one hash a row when a source is read."""
    known = [receipt.salt for receipt in read_receipts(folder)]
    return known[0] if known else secrets.token_hex(16)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
