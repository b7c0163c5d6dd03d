"""The leakage gate: columns and rows that would tell the model the answer are found before any training."""

from tenure.prepare.leakage.findings import Finding, Findings
from tenure.prepare.leakage.gate import check_leakage

__all__ = ["Finding", "Findings", "check_leakage"]
