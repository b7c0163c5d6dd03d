"""One pass over the bytes of a CSV file: hash, encoding, quoting, and the number of fields of every record.

A reader that guesses would pad short rows, cut long ones and swallow half a file behind a stray quote.
So every record is counted before anything is read.  RFC 4180, with "\\n" or "\\r\\n" line ends.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tenure.errors import SourceError

_CHUNK = 256 << 10  # fits a core's cache, which halves the time
_BLOCK = 4 << 20
# A record longer than this is a quote that was never closed.
_LONGEST_RECORD = 16 << 20
_NEWLINE, _RETURN, _QUOTE = 10, 13, 34
_BOM = codecs.BOM_UTF8
_BLANK_LINES = re.compile(rb"\n(?:\r?\n)+")


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


def check_csv(path: Path, delimiter: str) -> CsvFacts:
    """Check every byte of a CSV file (or .csv.gz), count its rows; raises SourceError at the first fault."""
    digest = hashlib.sha256()
    n_bytes = 0

    def stored(file: BinaryIO) -> Iterator[bytes]:
        nonlocal n_bytes
        while block := file.read(_CHUNK):
            digest.update(block)
            n_bytes += len(block)
            yield block

    records = _Records(path, delimiter)
    text = _TextCheck(path)
    with path.open("rb") as file:
        blocks = stored(file)
        for block in _unzipped(path, blocks) if path.suffix.lower() == ".gz" else blocks:
            text.feed(block)
            records.feed(block)
    text.finish()
    records.finish()
    return CsvFacts(records.columns, digest.hexdigest(), n_bytes, records.n_rows, records.has_blank_lines)


def read_header(path: Path, delimiter: str) -> tuple[str, ...]:
    """The column names of a CSV file, after the checks of its first lines."""
    records = _Records(path, delimiter)
    with path.open("rb") as file:
        blocks = iter(lambda: file.read(1 << 16), b"")
        for block in _unzipped(path, blocks) if path.suffix.lower() == ".gz" else blocks:
            records.feed(block)
            if records.columns:
                return records.columns
    records.finish()
    return records.columns


def whole_records(path: Path, *, quoted: bool = True) -> Iterator[bytes]:
    """The content of a checked file (or .gz) in blocks of some MiB that end where a record ends.

    quoted: a line feed may stand inside a quoted field.  The first block holds the header, without a byte
    order mark.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "t.csv"
    ...     _ = path.write_text("a,b\\n1,2\\n")
    ...     list(whole_records(path))
    [b'a,b\\n1,2\\n']
    """
    waiting = bytearray()
    with path.open("rb") as file:
        blocks = iter(lambda: file.read(_CHUNK), b"")
        for block in _unzipped(path, blocks) if path.suffix.lower() == ".gz" else blocks:
            waiting += block
            if len(waiting) >= _BLOCK and (end := _end_of_records(waiting, quoted)):
                yield bytes(waiting[:end]).removeprefix(_BOM)
                del waiting[:end]
    if waiting:
        yield bytes(waiting).removeprefix(_BOM)


def _end_of_records(data: bytearray, quoted: bool) -> int:
    """Where the last whole record ends: behind a line feed with an even number of quotes before it."""
    end = len(data)
    n_quotes = data.count(b'"') if quoted else 0
    while (at := data.rfind(b"\n", 0, end)) >= 0:
        n_quotes -= data.count(b'"', at, end) if quoted else 0
        if n_quotes % 2 == 0:
            return at + 1
        end = at
    return 0


def without_blank_lines(records: bytes) -> bytes:
    """Whole records without the lines that have nothing on them; line feeds inside quotes stay.

    >>> without_blank_lines(b'\\na,b\\n\\n"1\\n\\n",2\\n')
    b'a,b\\n"1\\n\\n",2\\n'
    """
    parts = records.lstrip(b"\r\n").split(b'"')
    parts[::2] = [_BLANK_LINES.sub(b"\n", part) for part in parts[::2]]
    return b'"'.join(parts)


def _unzipped(path: Path, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The content of a gzip file of one or more members, in pieces of bounded size."""
    member = zlib.decompressobj(wbits=31)
    inside = False  # a member was begun and has not ended
    try:
        for block in blocks:
            waiting, full = block, False  # full: more may come although all input is taken in
            while waiting or full:
                content = member.decompress(waiting, _CHUNK)
                yield content
                waiting, inside, full = member.unconsumed_tail, not member.eof, len(content) == _CHUNK
                if member.eof:
                    waiting, full = member.unused_data, False
                    member = zlib.decompressobj(wbits=31)
    except zlib.error as error:
        raise SourceError(
            f"the gzip file is damaged: {error}", where=str(path), todo="fetch it again"
        ) from error
    if inside:
        raise SourceError("the gzip file ends too early", where=str(path), todo="fetch it again")


class _TextCheck:
    """UTF-8 validity of a stream of blocks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._offset = 0
        self._lines = 0

    def feed(self, block: bytes, final: bool = False) -> None:
        held = self._decoder.getstate()[0]
        try:
            self._decoder.decode(block, final)
        except UnicodeDecodeError as error:
            raise self._error(held + block, error.start, self._offset - len(held)) from None
        self._offset += len(block)
        self._lines += block.count(b"\n")

    def finish(self) -> None:
        self.feed(b"", final=True)

    def _error(self, data: bytes, start: int, offset: int) -> SourceError:
        line = self._lines + data[:start].count(b"\n") + 1
        byte = data[start]
        wide = offset + start == 0 and data[:2] in (b"\xff\xfe", b"\xfe\xff")
        return SourceError(
            f"the text is not UTF-8: byte 0x{byte:02x} at offset {offset + start}"
            + (" (it looks like UTF-16)" if wide else ""),
            where=f"{self._path}, line {line}",
            todo=f"save it as UTF-8, for example: iconv -f {'UTF-16' if wide else 'WINDOWS-1252'} -t UTF-8",
        )


class _Records:
    """Counts the fields of every record of a stream of blocks; columns is set once the header is whole."""

    def __init__(self, path: Path, delimiter: str) -> None:
        self.columns: tuple[str, ...] = ()
        self.n_rows = 0
        self.has_blank_lines = False
        self._path = path
        self._delimiter = delimiter
        self._mark = ord(delimiter)
        self._rest = b""
        self._line = 1  # of the first byte of _rest
        self._started = False

    def feed(self, block: bytes) -> None:
        data = self._rest + block
        if not self._started:
            if len(data) < len(_BOM):
                self._rest = data
                return
            data = data.removeprefix(_BOM)
            self._started = True
        self._rest = self._count(data, final=False)
        if len(self._rest) > _LONGEST_RECORD:
            raise self._fault(
                "a quote is opened and never closed",
                self._line,
                'close it, or double quotes inside a field ("")',
            )

    def finish(self) -> None:
        rest = self._rest if self._started else self._rest.removeprefix(_BOM)
        if rest:
            if not rest.endswith(b"\n"):
                rest += b"\n"
            if self._count(rest, final=True):
                raise self._fault(
                    "a quote is opened and never closed",
                    self._line,
                    'close it, or double quotes inside a field ("")',
                )
        if not self.columns:
            raise SourceError(
                "the file is empty", where=str(self._path), todo="give a table with a header line"
            )

    def _count(self, data: bytes, *, final: bool) -> bytes:
        """Count the complete records of data and return what is left behind them."""
        cells = np.frombuffer(data, dtype=np.uint8)
        quoted = b'"' in data
        special = (cells == _NEWLINE) | (cells == self._mark)
        if quoted:
            special |= cells == _QUOTE
        at = np.flatnonzero(special)
        kind = cells[at]
        if quoted:
            is_quote = kind == _QUOTE
            outside = ~is_quote & (np.cumsum(is_quote) & 1 == 0)
            self._check_quotes(data, cells, at[is_quote], final)
            at, kind = at[outside], kind[outside]
        ends_at = np.flatnonzero(kind == _NEWLINE)
        if not len(ends_at):
            return data
        ends = at[ends_at]
        starts = np.concatenate(([0], ends[:-1] + 1))
        marks = np.diff(ends_at, prepend=-1) - 1
        lengths = ends - starts
        lengths = lengths - ((lengths > 0) & (cells[np.maximum(ends - 1, 0)] == _RETURN))
        first = self._take_header(data, starts, ends, lengths) if not self.columns else 0
        if self.columns:
            self._check_fields(data, starts[first:], marks[first:], lengths[first:])
        end = int(ends[-1]) + 1
        self._line += data.count(b"\n", 0, end)
        return data[end:]

    def _take_header(self, data: bytes, starts: np.ndarray, ends: np.ndarray, lengths: np.ndarray) -> int:
        """Read the first record that is not blank as the header; return the index of the one behind it."""
        filled = np.flatnonzero(lengths > 0)
        if not len(filled):
            return len(starts)
        first = int(filled[0])
        try:
            header = data[starts[first] : ends[first]].decode().rstrip("\r")
            lines = [data[starts[i] : ends[i]].decode().rstrip("\r") for i in filled[1:20]]
        except (
            UnicodeDecodeError
        ):  # _TextCheck, which runs first, has told of it, unless only the header is read
            raise self._fault("the text is not UTF-8", self._line, "save it as UTF-8") from None
        if "\r" in header:
            raise self._fault(
                "lines end with a bare carriage return", self._line, "save the table with line feeds"
            )
        names = next(csv.reader([header], delimiter=self._delimiter))
        if len(names) == 1:
            self._check_delimiter(header, lines)
        self.columns = self._named(names)
        return first + 1

    def _check_delimiter(self, header: str, lines: list[str]) -> None:
        """Refuse a one-column reading when another delimiter cuts the first lines alike."""
        for other in (",", ";", "\t", "|"):
            if other == self._delimiter or other not in header:
                continue
            width = len(next(csv.reader([header], delimiter=other)))
            if all(len(next(csv.reader([line], delimiter=other))) == width for line in lines):
                shown = "a tab" if other == "\t" else f"{other!r}"
                option = "$'\\t'" if other == "\t" else f'"{other}"'
                raise self._fault(
                    f"fields are separated by {shown}, not by {self._delimiter!r}",
                    self._line,
                    f"pass --delimiter {option} (data.delimiter in tenure.yaml)",
                )
        width = len(header.split())
        if width > 2 and len(lines) > 1 and all(len(line.split()) == width for line in lines):
            raise self._fault(
                "fields are separated by runs of spaces", self._line, "save the table as CSV with commas"
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
                "rename them in the header",
            )
        return tuple(named)

    def _check_fields(self, data: bytes, starts: np.ndarray, marks: np.ndarray, lengths: np.ndarray) -> None:
        blank = lengths == 0
        wrong = np.flatnonzero((marks + 1 != len(self.columns)) & ~blank)
        if len(wrong):
            at = int(wrong[0])
            line = self._line + data.count(b"\n", 0, int(starts[at]))
            n, width = int(marks[at]) + 1, len(self.columns)
            raise self._fault(
                f"every row must have {width} fields, as the header has; this one has {n}",
                line,
                "mend the row; a field that holds the delimiter must stand in quotes",
            )
        # In a table of one column an empty line is an empty cell.
        n_blank = int(blank.sum()) if len(self.columns) > 1 else 0
        self.n_rows += len(lengths) - n_blank
        self.has_blank_lines |= n_blank > 0

    def _check_quotes(self, data: bytes, cells: np.ndarray, quotes: np.ndarray, final: bool) -> None:
        """An opening quote begins a field, a closing one ends it; a doubled one inside stands for itself."""
        opening, closing = quotes[0::2], quotes[1::2]
        before = cells[np.maximum(opening - 1, 0)]
        doubled = np.zeros(len(opening), dtype=bool)
        doubled[1:] = opening[1:] - 1 == closing[: len(opening) - 1]
        good_open = (opening == 0) | (before == self._mark) | (before == _NEWLINE) | doubled
        after = cells[np.minimum(closing + 1, len(cells) - 1)]
        at_end = closing + 1 >= len(cells)
        good_close = (
            (after == self._mark) | (after == _NEWLINE) | (after == _RETURN) | (after == _QUOTE) | at_end
        )
        bad = np.concatenate((opening[~good_open], closing[~good_close]))
        if len(bad):
            line = self._line + data.count(b"\n", 0, int(bad.min()))
            raise self._fault(
                "a quote stands inside a field, where it neither begins nor ends it",
                line,
                'quote the whole field and double the quotes inside it (""), or take the quote out',
            )

    def _fault(self, what: str, line: int, todo: str) -> SourceError:
        return SourceError(what, where=f"{self._path}, line {line}", todo=todo)
