"""Tables as they come: find them, check every byte once, and read them lazily or a batch at a time."""

from tenure.prepare.sources.batches import batches
from tenure.prepare.sources.check import SourceFacts, check_source
from tenure.prepare.sources.find import Source, find_source
from tenure.prepare.sources.scan import scan

__all__ = ["Source", "SourceFacts", "batches", "check_source", "find_source", "scan"]
