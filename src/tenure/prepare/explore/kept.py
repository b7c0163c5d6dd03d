"""What one pass gathered, kept in a folder, so that the next exploration reads no table."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl

from tenure.durable import write_durably
from tenure.errors import TenureError
from tenure.prepare.explore.gather import HEAD_ROWS, Gathered
from tenure.prepare.summary import Summary

SUMMARY, SAMPLE = "summary.json", "sample.parquet"


def write_kept(place: Path, gathered: Gathered) -> None:
    """Keep summary and sample in a folder; the summary comes last, so that it tells that both are there."""
    gathered.sample.write_parquet(place / SAMPLE, compression="zstd", compression_level=1)
    write_summary(place / SUMMARY, gathered.summary)


def read_kept(place: Path) -> Gathered | None:
    """What write_kept kept, or None when it is not there or of another version. Repeated rows are not kept."""
    try:
        summary = read_summary(place / SUMMARY)
        sample = pl.read_parquet(place / SAMPLE)
    except (OSError, TenureError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
        return None  # a cache: what cannot be read is made again
    return Gathered(summary, sample, sample.head(HEAD_ROWS), None)


def write_summary(path: Path, summary: Summary) -> None:
    """Keep a summary as JSON, whole or not at all."""
    write_durably(path, json.dumps(summary.to_dict(), allow_nan=False, separators=(",", ":")))


def read_summary(path: Path) -> Summary:
    """Read what write_summary wrote. Raises SourceError for another format, OSError or ValueError if damaged."""
    return Summary.from_dict(json.loads(path.read_bytes()))
