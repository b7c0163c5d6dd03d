"""One pass over the bytes of a CSV file: hash, encoding, quoting, and the number of fields of every record.

A reader that guesses would pad short rows, cut long ones and swallow half a file behind a stray quote.
So every record is counted before anything is read.  RFC 4180, with "\\n" or "\\r\\n" line ends.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from tenure.errors import SourceError
from tenure.prepare.ahead import Behind
from tenure.prepare.sources.find import Source
from tenure.prepare.sources.text import WHITESPACE, mark_of, read_text

# A record longer than this is a quote that was never closed.
_LONGEST_RECORD = 16 << 20
_NEWLINE, _RETURN, _QUOTE = 10, 13, 34
_BOM = codecs.BOM_UTF8

Positions = npt.NDArray[np.intp]
_NOWHERE: Positions = np.empty(0, dtype=np.intp)


@dataclass(frozen=True, slots=True)
class CsvFacts:
    """What one CSV file holds. sha256, n_bytes: of the file as stored.  n_rows: without header and blank lines.

    has_blank_lines: lines with nothing on them, which a reader would take for rows.
    """

    columns: tuple[str, ...]
    sha256: str
    n_bytes: int
    n_rows: int
    has_blank_lines: bool


def check_csv(path: Path, source: Source) -> CsvFacts:
    """Check every byte of one CSV file of a source, count its rows; raises SourceError at the first fault."""
    stored, records = _Stored(), _Records(path, source)
    with Behind(stored.add) as storing, Behind(records.feed) as counting:
        for block in read_text(path, source, storing.put):
            counting.put(block)
    records.finish()
    return CsvFacts(
        records.columns, stored.digest.hexdigest(), stored.n_bytes, records.n_rows, records.has_blank_lines
    )


def read_header(path: Path, source: Source) -> tuple[str, ...]:
    """The column names of a CSV file, after the checks of its first lines."""
    records = _Records(path, source)
    for block in read_text(path, source):
        records.feed(block)
        if records.columns:
            return records.columns
    records.finish()
    return records.columns


class _Stored:
    """Size and SHA-256 of the bytes as stored."""

    def __init__(self) -> None:
        self.n_bytes = 0
        self.digest = hashlib.sha256()

    def add(self, block: bytes) -> None:
        self.n_bytes += len(block)
        self.digest.update(block)


class _Records:
    """Counts the fields of every record of a stream of blocks; columns is set once the header is whole."""

    def __init__(self, path: Path, source: Source) -> None:
        self.columns: tuple[str, ...] = source.header or ()
        self.n_rows = 0
        self.has_blank_lines = False
        self._path = path
        self._delimiter = mark_of(source)
        self._by_blanks = source.delimiter == WHITESPACE
        self._given = source.header
        self._mark = ord(self._delimiter)
        self._masks = _Masks()
        self._opens = _among(self._mark, _NEWLINE, _QUOTE)
        self._closes = _among(self._mark, _NEWLINE, _RETURN, _QUOTE)
        self._rest = b""
        self._line = 1  # of the first byte of _rest
        self._started = False

    def feed(self, block: bytes) -> None:
        """Take in the next piece of the text."""
        data = self._rest + block
        if not self._started:
            if len(data) < len(_BOM):
                self._rest = data
                return
            data = data.removeprefix(_BOM)
            self._started = True
        self._rest = self._count(data)
        if len(self._rest) > _LONGEST_RECORD:
            self._never_closed(self._rest)

    def finish(self) -> None:
        rest = self._rest if self._started else self._rest.removeprefix(_BOM)
        if rest:
            if not rest.endswith(b"\n"):
                rest += b"\n"
            if waiting := self._count(rest):
                self._never_closed(waiting)
        if not self.columns:
            raise SourceError(
                "the file is empty", where=str(self._path), todo="give a table with a header line"
            )

    def _never_closed(self, rest: bytes) -> NoReturn:
        cells = np.frombuffer(rest + b"\n", dtype=np.uint8)
        self._check_quotes(rest, cells, np.flatnonzero(cells == _QUOTE))
        raise self._fault(
            "a quote is opened and never closed", self._line, 'close it, or double quotes inside a field ("")'
        )

    def _count(self, data: bytes) -> bytes:
        """Count the complete records of data and return what is left behind them."""
        cells = np.frombuffer(data, dtype=np.uint8)
        feeds, ends, quotes = _feeds_and_quotes(data, cells, self._masks)
        if not len(ends):
            return data
        end = int(ends[-1]) + 1
        cells, quotes = cells[:end], quotes[: np.searchsorted(quotes, end)]
        self._check_quotes(data, cells, quotes)
        starts = np.empty_like(ends)
        starts[0], starts[1:] = 0, ends[:-1] + 1
        lengths = ends - starts
        lengths -= (lengths > 0) & (cells[np.maximum(ends - 1, 0)] == _RETURN)
        first = self._take_header(data, starts, ends, lengths) if self._given or not self.columns else 0
        if self.columns and first < len(starts):
            self._check_fields(
                data, self._masks.where(cells, self._mark), quotes, starts[first:], lengths[first:]
            )
        self._line += int(np.searchsorted(feeds, end))
        return data[end:]

    def _take_header(self, data: bytes, starts: np.ndarray, ends: np.ndarray, lengths: np.ndarray) -> int:
        """Read the first record that is not blank as the header; return the index of the one behind it."""
        filled = np.flatnonzero(lengths > 0)
        if not len(filled):
            return 0 if self.columns else len(starts)
        first = int(filled[0])
        header = data[starts[first] : ends[first]].decode().rstrip("\r")
        lines = [data[starts[i] : ends[i]].decode().rstrip("\r") for i in filled[1:20]]
        if "\r" in header:
            raise self._fault(
                "lines end with a bare carriage return", self._line, "save the table with line feeds"
            )
        names = next(csv.reader([header], delimiter=self._delimiter))
        if len(names) == 1:
            self._check_delimiter(header, lines)
        if self._given:
            self._check_given(self._given, names)
            self._given = None
            return 0
        self.columns = self._named(names)
        return first + 1

    def _check_given(self, given: Sequence[str], names: list[str]) -> None:
        """Refuse names from the config that are in the file as well: they would become a row."""
        if list(given) == [name.strip() for name in names]:
            raise self._fault(
                "the file has a header line, with the names that data.header gives",
                self._line,
                "take data.header out of tenure.yaml",
            )

    def _check_delimiter(self, header: str, lines: list[str]) -> None:
        """Refuse a one-column reading when another delimiter cuts the first lines alike."""
        for other in (",", ";", "\t", "|"):
            if self._by_blanks and other == "\t":
                continue
            if other == self._delimiter or other not in header:
                continue
            width = len(next(csv.reader([header], delimiter=other)))
            if all(len(next(csv.reader([line], delimiter=other))) == width for line in lines):
                shown = "a tab" if other == "\t" else f"{other!r}"
                option = "$'\\t'" if other == "\t" else f'"{other}"'
                raise self._fault(
                    f"fields are separated by {shown}, not by {self._shown()}",
                    self._line,
                    f"pass --delimiter {option} (data.delimiter in tenure.yaml)",
                )
        width = len(header.split())
        if (
            not self._by_blanks
            and width > 2
            and len(lines) > 1
            and all(len(line.split()) == width for line in lines)
        ):
            raise self._fault(
                "fields are separated by runs of spaces",
                self._line,
                "pass --delimiter whitespace (data.delimiter in tenure.yaml)",
            )

    def _named(self, names: list[str]) -> tuple[str, ...]:
        named = [name if name.strip() else f"column_{number}" for number, name in enumerate(names, start=1)]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            places = {
                name: [number for number, other in enumerate(named, start=1) if other == name]
                for name in twice
            }
            raise self._fault(
                "column names must differ, but "
                + "; ".join(f"{name!r} names columns {', '.join(map(str, places[name]))}" for name in twice),
                self._line,
                "rename them in the header; if the file has none, list the names in data.header",
            )
        return tuple(named)

    def _shown(self) -> str:
        return "runs of blanks" if self._by_blanks else repr(self._delimiter)

    def _check_fields(
        self,
        data: bytes,
        is_mark: npt.NDArray[np.bool_],
        quotes: Positions,
        starts: Positions,
        lengths: Positions,
    ) -> None:
        """Compare the fields of each record with the header's; is_mark: whether each byte is the delimiter."""
        width = len(self.columns)
        blank = lengths == 0
        n_blank = int(np.count_nonzero(blank))
        quotes = quotes[np.searchsorted(quotes, starts[0]) :]
        counts, sure = _marks_by_record(is_mark, quotes, starts)
        if not sure or np.any((counts != width - 1) & ~blank):
            counts = _marks_by_record(is_mark, quotes, starts, exactly=True)[0]
            wrong = np.flatnonzero((counts != width - 1) & ~blank)
            if len(wrong):
                at = int(wrong[0])
                raise self._fault(
                    f"every row must have {width} fields, as the header has; this one has {int(counts[at]) + 1}",
                    self._line + data.count(b"\n", 0, int(starts[at])),
                    "mend the row; a field that holds the delimiter must stand in quotes",
                )
        if width == 1:  # an empty line is an empty cell
            n_blank = 0
        self.n_rows += len(lengths) - n_blank
        self.has_blank_lines |= n_blank > 0

    def _check_quotes(self, data: bytes, cells: npt.NDArray[np.uint8], quotes: Positions) -> None:
        """An opening quote begins a field, a closing one ends it; a doubled one inside stands for itself.

        cells: whole records, so that a line feed ends them; quotes: where the quotes are.
        """
        opening, closing = quotes[0::2], quotes[1::2]
        # The byte before the first is the last, a line feed too.
        good_open = self._opens[cells[opening - 1]]
        good_close = self._closes[cells[closing + 1]]
        if good_open.all() and good_close.all():
            return
        bad = min([*opening[~good_open][:1].tolist(), *closing[~good_close][:1].tolist()])
        raise self._fault(
            "a quote stands inside a field, where it neither begins nor ends it",
            self._line + data.count(b"\n", 0, bad),
            'quote the whole field and double the quotes inside it (""), or take the quote out',
        )

    def _fault(self, what: str, line: int, todo: str) -> SourceError:
        return SourceError(what, where=f"{self._path}, line {line}", todo=todo)


def _among(*members: int) -> npt.NDArray[np.bool_]:
    """For each byte, whether it is one of the members."""
    return np.isin(np.arange(256), members)


class _Masks:
    """Which bytes of a block are a certain one, in memory that is used again.

    Fresh arrays of this size come from the operating system, which clears every page of them first: that took as long
    as all the counting.
    """

    def __init__(self) -> None:
        self._memory = np.empty((2, 0), dtype=np.bool_)

    def where(self, cells: npt.NDArray[np.uint8], *bytes: int) -> npt.NDArray[np.bool_]:
        """Whether each cell is one of one or two bytes, bool [len(cells)], until the next call."""
        if len(cells) > self._memory.shape[1]:
            self._memory = np.empty((2, len(cells)), dtype=np.bool_)
        found = np.equal(cells, bytes[0], out=self._memory[0, : len(cells)])
        for other in bytes[1:]:
            found |= np.equal(cells, other, out=self._memory[1, : len(cells)])
        return found


def _feeds_and_quotes(
    data: bytes, cells: npt.NDArray[np.uint8], masks: _Masks
) -> tuple[Positions, Positions, Positions]:
    """Where line feeds are, those of them that end a record (an even number of quotes before them), and quotes."""
    if b'"' not in data:
        feeds = np.flatnonzero(masks.where(cells, _NEWLINE))
        return feeds, feeds, _NOWHERE
    found = np.flatnonzero(masks.where(cells, _NEWLINE, _QUOTE))
    is_quote = cells[found] == _QUOTE
    feeds, quotes = found[~is_quote], found[is_quote]
    # A feed ends a record where the quotes before it are even in number.
    return feeds, feeds[np.searchsorted(quotes, feeds) % 2 == 0], quotes


def _marks_by_record(
    is_mark: npt.NDArray[np.bool_], quotes: Positions, starts: Positions, *, exactly: bool = False
) -> tuple[npt.NDArray[Any], bool]:
    """How many delimiters outside quotes each record has, and whether these counts are sure.

    quotes: positions of an even number of quotes.  Unless exactly, counted in bytes, which is several times
    faster: a count may then be 256 too small, and the sum over the records tells whether one is.
    """
    kind = np.intp if exactly else np.uint8
    marks = is_mark.view(np.uint8)
    counts = np.add.reduceat(marks, starts, dtype=kind)
    n_inside = 0
    pairs = quotes.reshape(-1, 2)
    filled = pairs[pairs[:, 1] - pairs[:, 0] > 1]
    if len(filled):
        inside = np.add.reduceat(marks, filled.ravel(), dtype=kind)[::2]
        some = np.flatnonzero(inside)
        records = np.searchsorted(starts, filled[some, 0], side="right") - 1
        np.subtract.at(counts, records, inside[some])
        n_inside = int(inside.sum(dtype=np.intp))
    n_marks = int(np.count_nonzero(is_mark[starts[0] :])) - n_inside
    return counts, exactly or n_marks == int(counts.sum(dtype=np.intp))
