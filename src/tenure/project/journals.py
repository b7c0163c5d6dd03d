"""Which journal a project has: the file of its own, or the database that store.journal names."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from tenure.config import Secrets, load_config, quote_in_address
from tenure.journal.place import Address, Place


def journal_place(config_file: Path, embedded: Path, days: Path) -> Place:
    """embedded: the file that is used when tenure.yaml names no database.  days: the folder for moved days.

    Raises ConfigError when a secret of the address is not set.
    """
    try:
        found = config_file.stat()
    except OSError:  # a project that is about to be made
        return embedded
    shown = _address(config_file, found.st_mtime_ns, found.st_size)
    if shown is None:
        return embedded
    return Address(Secrets().expand(shown, "store.journal", quote_in_address), shown, days)


@lru_cache(maxsize=8)
def _address(config_file: Path, _changed: int, _size: int) -> str | None:
    """store.journal, read once for each state of the file; a file that does not speak of it is not read whole."""
    if b"journal" not in config_file.read_bytes():
        return None
    return load_config(config_file).store.journal
