"""Tables as they come: open them wherever they are, check every byte once, read them lazily or in batches."""

from tenure.prepare.sources.batches import batches
from tenure.prepare.sources.check import SourceFacts, check_source
from tenure.prepare.sources.collected import unlike_last
from tenure.prepare.sources.find import Source
from tenure.prepare.sources.open import open_source, open_table
from tenure.prepare.sources.scan import scan

__all__ = [
    "Source",
    "SourceFacts",
    "batches",
    "check_source",
    "open_source",
    "open_table",
    "scan",
    "unlike_last",
]
