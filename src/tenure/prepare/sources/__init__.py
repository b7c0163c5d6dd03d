"""Tables as they come: find them, check every byte once, and read them lazily."""

from tenure.prepare.sources.check import SourceFacts, check_source
from tenure.prepare.sources.find import Source, find_source
from tenure.prepare.sources.scan import scan

__all__ = ["Source", "SourceFacts", "check_source", "find_source", "scan"]
