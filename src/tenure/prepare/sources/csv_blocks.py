"""CSV text in pieces that end where a record ends."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

_BLOCK = 4 << 20
_BOM = codecs.BOM_UTF8
_BLANK_LINES = re.compile(rb"\n(?:\r?\n)+")


def whole_records(blocks: Iterable[bytes], *, quoted: bool = True) -> Iterator[bytes]:
    """The text of checked blocks in pieces of some MiB that end where a record ends.

    quoted: a line feed may stand inside a quoted field.  A byte order mark before the first is taken out.

    >>> list(whole_records([b"a,b\\n1", b",2\\n"]))
    [b'a,b\\n1,2\\n']
    """
    waiting, is_first = bytearray(), True
    for block in blocks:
        waiting += block
        if len(waiting) >= _BLOCK and (end := _end_of_records(waiting, quoted)):
            yield _without_mark(bytes(waiting[:end]), is_first)
            is_first = False
            del waiting[:end]
    if waiting:
        yield _without_mark(bytes(waiting), is_first)


def _without_mark(text: bytes, is_first: bool) -> bytes:
    return text.removeprefix(_BOM) if is_first else text


def _end_of_records(data: bytes | bytearray, quoted: bool) -> int:
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
