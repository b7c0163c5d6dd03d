"""What one pass gathered and what was found in it, kept in a folder, so that the next exploration is quick."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tenure.durable import write_durably
from tenure.errors import TenureError
from tenure.prepare.explore.report import Exploration

if TYPE_CHECKING:
    from tenure.prepare.explore.gather import Gathered
    from tenure.prepare.summary import Summary

SUMMARY, SAMPLE, FOUND = "summary.json", "sample.parquet", "found.json"


def write_found(place: Path, found: Exploration, of: Mapping[str, Any]) -> None:
    """Keep an exploration. of: everything that decides what is found, as JSON data."""
    write_durably(place / FOUND, json.dumps({"of": of, "found": asdict(found)}, separators=(",", ":")))


def read_found(place: Path, of: Mapping[str, Any]) -> Exploration | None:
    """The exploration that was kept, or None when there is none, or it is of something else."""
    from pydantic import TypeAdapter, ValidationError

    try:
        kept = json.loads((place / FOUND).read_bytes())
        return TypeAdapter(Exploration).validate_python(kept["found"]) if kept["of"] == of else None
    except (OSError, ValueError, KeyError, TypeError, ValidationError):
        return None  # a cache: what cannot be read is made again


def write_kept(place: Path, gathered: Gathered) -> None:
    """Keep summary and sample in a folder; the summary comes last, so that it tells that both are there."""
    gathered.sample.write_parquet(place / SAMPLE, compression="zstd", compression_level=1)
    write_summary(place / SUMMARY, gathered.summary)


def read_kept(place: Path) -> Gathered | None:
    """What write_kept kept, or None when it is not there or of another version. Repeated rows are not kept."""
    import polars as pl

    from tenure.prepare.explore.gather import HEAD_ROWS, Gathered

    try:
        summary = read_summary(place / SUMMARY)
        sample = pl.read_parquet(place / SAMPLE)
    except (OSError, TenureError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
        return None
    return Gathered(summary, sample, sample.head(HEAD_ROWS), None)


def write_summary(path: Path, summary: Summary) -> None:
    """Keep a summary as JSON, whole or not at all."""
    write_durably(path, json.dumps(summary.to_dict(), allow_nan=False, separators=(",", ":")))


def read_summary(path: Path) -> Summary:
    """Read what write_summary wrote. Raises SourceError for another format, OSError or ValueError if damaged."""
    from tenure.prepare.summary import Summary

    return Summary.from_dict(json.loads(path.read_bytes()))
