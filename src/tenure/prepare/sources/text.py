"""The content of a text file as UTF-8, in pieces: out of gzip or zip, out of another encoding, runs of blanks cut.

Nothing is held whole, and every fault is told with its file, line and remedy.
"""

from __future__ import annotations

import codecs
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from tenure.errors import SourceError
from tenure.prepare.sources.csv_blocks import whole_records
from tenure.prepare.sources.find import Source, only_member

# Large enough that a thread's work on it is worth handing over.
CHUNK = 4 << 20
WHITESPACE = "whitespace"
_BOM = codecs.BOM_UTF8
_WIDE = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_BLANKS = re.compile(rb"[ \t]+")
_EDGES = re.compile(rb"^\t+|\t+(?=\r?$)", re.M)

Note = Callable[[bytes], object]


def mark_of(source: Source) -> str:
    """The one character that parts the fields in what read_text gives."""
    return "\t" if source.delimiter == WHITESPACE else source.delimiter


def is_plain(path: Path, source: Source) -> bool:
    """Whether read_text gives the bytes of the file as they are."""
    return (
        path.suffix.lower() not in (".gz", ".zip")
        and source.delimiter != WHITESPACE
        and source.encoding is None
        and _head(path)[:2] not in _WIDE
    )


def read_text(path: Path, source: Source, note: Note | None = None) -> Iterator[bytes]:
    """The content of a text file as UTF-8, fields parted by mark_of(source).

    note: called with each piece of the file as it is stored.
    Raises SourceError for damaged archives and for bytes that are no text in the encoding.
    """
    content = _content(path, note)
    encoding = source.encoding or _encoding_by_mark(path, source)
    text = _checked(path, content) if encoding is None else _decoded(path, content, encoding)
    if source.delimiter == WHITESPACE:
        return (squeeze_blanks(block) for block in whole_records(text))
    return text


def squeeze_blanks(records: bytes) -> bytes:
    r"""Whole records with one tab in place of each run of blanks outside quotes.

    >>> squeeze_blanks(b'  00001 19970101   1\n00002 "New York"\t2 \n')
    b'00001\t19970101\t1\n00002\t"New York"\t2\n'
    """
    parts = records.split(b'"')
    last = len(parts) - 1
    for at in range(0, len(parts), 2):
        # An edge of a piece is an edge of a line only where no quote touches it.
        before, after = b'"' if at else b"", b'"' if at < last else b""
        squeezed = _EDGES.sub(b"", before + _BLANKS.sub(b"\t", parts[at]) + after)
        parts[at] = squeezed[len(before) : len(squeezed) - len(after)]
    return b'"'.join(parts)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _encoding_by_mark(path: Path, source: Source) -> str | None:
    if path.suffix.lower() in (".gz", ".zip"):
        return _WIDE.get(next(_content(path, None), b"")[:2])
    return _WIDE.get(_head(path)[:2])


def _content(path: Path, note: Note | None) -> Iterator[bytes]:
    suffix = path.suffix.lower()
    if suffix == ".zip":
        for block in _stored(path, note) if note else ():
            del block
        return _out_of_zip(path)
    blocks = _stored(path, note)
    return _out_of_gzip(path, blocks) if suffix == ".gz" else blocks


def _stored(path: Path, note: Note | None) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(CHUNK):
            if note is not None:
                note(block)
            yield block


def _out_of_zip(path: Path) -> Iterator[bytes]:
    again = {"where": str(path), "todo": "fetch it again"}
    try:
        with zipfile.ZipFile(path) as archive, archive.open(only_member(path)) as file:
            while block := file.read(CHUNK):
                yield block
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise SourceError(f"the zip file is damaged: {error}", **again) from error
    except (RuntimeError, NotImplementedError) as error:  # encrypted; an unknown compression
        raise SourceError(
            f"the zip file cannot be read: {error}", where=str(path), todo="unpack it"
        ) from error


def _out_of_gzip(path: Path, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The content of a gzip file of one or more members, in pieces of bounded size."""
    member = zlib.decompressobj(wbits=31)
    inside = False  # a member was begun and has not ended
    try:
        for block in blocks:
            waiting, full = block, False  # full: more may come although all input is taken in
            while waiting or full:
                content = member.decompress(waiting, CHUNK)
                yield content
                waiting, inside, full = member.unconsumed_tail, not member.eof, len(content) == CHUNK
                if member.eof:
                    waiting, full = member.unused_data, False
                    member = zlib.decompressobj(wbits=31)
    except zlib.error as error:
        raise SourceError(
            f"the gzip file is damaged: {error}", where=str(path), todo="fetch it again"
        ) from error
    if inside:
        raise SourceError("the gzip file ends too early", where=str(path), todo="fetch it again")


def _checked(path: Path, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """The blocks as they are, every one of them valid UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    offset, held = 0, b""
    for block in blocks:
        if held or not block.isascii():
            held = _decode(path, decoder, held, block, offset, "UTF-8")[1]
        offset += len(block)
        yield block
    _decode(path, decoder, held, b"", offset, "UTF-8", final=True)


def _decoded(path: Path, blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """Text of another encoding as UTF-8, without a byte order mark."""
    decoder = codecs.getincrementaldecoder(encoding)()
    offset, held = 0, b""
    is_utf8, doubt = True, codecs.getincrementaldecoder("utf-8")()
    may_be_utf8 = codecs.lookup(encoding).name.startswith(("cp125", "iso8859"))
    ascii_only = True
    for block in blocks:
        text, held = _decode(path, decoder, held, block, offset, encoding)
        if may_be_utf8 and is_utf8:
            ascii_only = ascii_only and block.isascii()
            try:
                doubt.decode(block)
            except UnicodeDecodeError:
                is_utf8 = False
        yield (text if offset else text.removeprefix("\ufeff")).encode("utf-8", "surrogatepass")
        offset += len(block)
    _decode(path, decoder, held, b"", offset, encoding, final=True)
    if may_be_utf8 and is_utf8 and not ascii_only:
        raise SourceError(
            f"the text is UTF-8, not {encoding}: every byte beyond ASCII is part of a UTF-8 character",
            where=str(path),
            todo="take --encoding (data.encoding in tenure.yaml) out",
        )


def _decode(
    path: Path,
    decoder: codecs.IncrementalDecoder,
    held: bytes,
    block: bytes,
    offset: int,
    encoding: str,
    *,
    final: bool = False,
) -> tuple[str, bytes]:
    """The text of a block, and the bytes of it that wait for the rest of their character."""
    try:
        text = decoder.decode(block, final)
    except UnicodeDecodeError as error:
        place = max(offset - len(held) + error.start, 0)
        raise _no_text(path, place, error.object[error.start], encoding) from None
    return text, bytes(decoder.getstate()[0])


def _no_text(path: Path, offset: int, byte: int, encoding: str) -> SourceError:
    """The fault of a byte that is no text; only now are the lines before it counted."""
    line, left = 1, offset
    for block in _content(path, None):
        line += block.count(b"\n", 0, left)
        left -= len(block)
        if left <= 0:
            break
    utf8 = encoding == "UTF-8"
    return SourceError(
        f"the text is not {encoding}: byte 0x{byte:02x} at offset {offset}",
        where=f"{path}, line {line}",
        todo=(
            "pass --encoding (data.encoding in tenure.yaml), for example cp1252 or latin-1, or save it as UTF-8"
            if utf8
            else "pass another --encoding (data.encoding in tenure.yaml), or save the table as UTF-8"
        ),
    )
