"""Read one event table as it is: the border to prepare.sources."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import polars as pl

from tenure.errors import SourceError
from tenure.prepare.sources import check_source, find_source, scan
from tenure.prepare.sources.scan import scan_csv_text

WHITESPACE = "whitespace"
_BLANKS = re.compile(rb"[ \t]+")


def read_table(spec: str, delimiter: str | None, base: Path) -> tuple[pl.LazyFrame, str]:
    """The checked rows of a table, and the SHA-256 of its bytes.

    spec: a path or glob, relative to base.  delimiter: one character, "whitespace", or None: by ending.
    Raises SourceError for everything that would make the table other than it looks.
    """
    if delimiter == WHITESPACE:
        return _read_columns_of_words(spec, base)
    source = find_source(spec, base, delimiter)
    facts = check_source(source, min_rows=1)
    return scan(source, has_blank_lines=facts.has_blank_lines), facts.sha256


def _read_columns_of_words(spec: str, base: Path) -> tuple[pl.LazyFrame, str]:
    """A table whose fields are parted by runs of blanks, without quotes."""
    paths = find_source(spec, base).paths
    digests, texts, header = [], [], b""
    for path in paths:
        content = path.read_bytes()
        digests.append(hashlib.sha256(content).hexdigest())
        lines = [_BLANKS.sub(b"\t", line.strip()) for line in content.splitlines()]
        header = header or lines[0]
        n_fields = header.count(b"\t")
        wrong = [number for number, line in enumerate(lines, 1) if line and line.count(b"\t") != n_fields]
        if wrong or lines[0] != header or b"" in header.split(b"\t"):
            raise SourceError(
                f"{n_fields + 1} fields are expected, {lines[wrong[0] - 1].count(9) + 1} came"
                if wrong
                else "all files must have the same columns",
                where=f"{path}, line {wrong[0] if wrong else 1}",
                todo="mend the line",
            )
        texts.append(b"\n".join(filter(None, lines)) + b"\n")
    columns = header.decode().split("\t")
    sha256 = digests[0] if len(digests) == 1 else hashlib.sha256("\n".join(digests).encode()).hexdigest()
    return scan_csv_text(texts, "\t", columns), sha256
