"""Event tables, as of a time: one row per id and cutoff, from nothing that was not known at the cutoff."""

from tenure.prepare.events.columns import Events, type_events
from tenure.prepare.events.panel import Panel, build_panel

__all__ = ["Events", "Panel", "build_panel", "type_events"]
