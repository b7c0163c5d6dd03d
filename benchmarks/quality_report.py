"""The report of the quality benchmark: tables as Markdown, from finished entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

from tenure.release.metrics import compare

METRICS = {"log_loss": "log loss", "roc_auc": "ROC-AUC"}
Entry = dict[str, Any]


def report(entries: Sequence[Entry], rows: Path) -> str:
    """All tables. Of tenure's entries only those of the commit that ran last count."""
    entries = _of_last_commit(entries)
    if not entries:
        return "no finished entries"
    parts = [_heading(entries), _by_set(entries)]
    peers = [tool for tool in _tools(entries) if tool != "tenure"]
    differences = {peer: _differences(entries, peer, rows) for peer in peers}
    for metric, name in METRICS.items():
        parts.append(_paired(differences, metric, name))
    parts.append(_behind(differences))
    return "\n\n".join(parts)


def _of_last_commit(entries: Sequence[Entry]) -> list[Entry]:
    own = [e for e in entries if e["tool"] == "tenure"]
    last = max(own, key=lambda e: e["at"])["commit"] if own else None
    return [e for e in entries if e["tool"] != "tenure" or e["commit"] == last]


def _tools(entries: Sequence[Entry]) -> list[str]:
    return sorted({e["tool"] for e in entries}, key=lambda tool: (tool != "tenure", tool))


def _sets(entries: Sequence[Entry]) -> list[str]:
    return list(dict.fromkeys(e["set"] for e in entries))


def _heading(entries: Sequence[Entry]) -> str:
    seeds = sorted({e["seed"] for e in entries})
    versions = sorted({e["version"] for e in entries})
    loads = [e["load"] for e in entries]
    return (
        f"Seeds {', '.join(map(str, seeds))}; {'; '.join(versions)}. "
        f"The machine's load at the start of a run: {min(loads):.1f} to {max(loads):.1f}."
    )


def _by_set(entries: Sequence[Entry]) -> str:
    """Each tool's figures on each table: means over the seeds that it finished."""
    tools = _tools(entries)
    lines = [
        "| log loss / ROC-AUC / seconds | " + " | ".join(tools) + " | one row, µs |",
        "|" + " --- |" * (len(tools) + 2),
    ]
    for name in _sets(entries):
        cells = [_cell([e for e in entries if e["set"] == name and e["tool"] == tool]) for tool in tools]
        micros = [e["row_microseconds"] for e in entries if e["set"] == name and e["row_microseconds"]]
        row = f"{np.mean(micros):.0f}" if micros else ""
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {row} |")
    return "\n".join(lines)


def _cell(found: Sequence[Entry]) -> str:
    if not found:
        return ""
    loss, auc, seconds = (float(np.mean([e[k] for e in found])) for k in ("log_loss", "roc_auc", "seconds"))
    seeds = "" if len(found) == 1 else f" ({len(found)} seeds)"
    return f"{loss:.4f} / {auc:.4f} / {seconds:.0f}{seeds}"


def _differences(
    entries: Sequence[Entry], peer: str, rows: Path
) -> dict[tuple[str, int], dict[str, tuple[float, float]]]:
    """For each table and seed that both finished: how much better tenure is, and the paired standard error."""
    by_tool = {(e["set"], e["seed"], e["tool"]): e for e in entries}
    found = {}
    for name, seed, tool in by_tool:
        if tool != peer or (name, seed, "tenure") not in by_tool:
            continue
        own = np.load(rows / by_tool[name, seed, "tenure"]["rows"])
        other = np.load(rows / by_tool[name, seed, peer]["rows"])
        found[name, seed] = {metric: _gain(own, other, metric) for metric in METRICS}
    return found


def _gain(own: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray], metric: str) -> tuple[float, float]:
    if not np.array_equal(own["y"], other["y"]):
        raise ValueError("the entries are of different test rows")
    gain = compare("binary", own["y"], other["p"], own["p"], metric)
    return gain.value, (gain.high - gain.value) / 1.96


def _paired(
    differences: Mapping[str, Mapping[tuple[str, int], Mapping[str, tuple[float, float]]]],
    metric: str,
    name: str,
) -> str:
    """A line a table, then the averages: over these test rows, and over tables as a sample of tables."""
    peers = list(differences)
    sets = list(dict.fromkeys(table for found in differences.values() for table, _ in found))
    lines = [
        f"**{name}: tenure minus peer, positive where tenure is better**, paired over the test rows; 95 % intervals.",
        "",
        "| | " + " | ".join(peers) + " |",
        "|" + " --- |" * (len(peers) + 1),
    ]
    for table in sets:
        lines.append(
            f"| {table} | " + " | ".join(_mean_of(differences[p], metric, {table}) for p in peers) + " |"
        )
    lines.append(
        "| **average, on these rows** | "
        + " | ".join(_mean_of(differences[p], metric, set(sets)) for p in peers)
        + " |"
    )
    lines.append(
        "| average, over tables (t) | "
        + " | ".join(_over_tables(differences[p], metric) for p in peers)
        + " |"
    )
    return "\n".join(lines)


def _values(
    found: Mapping[tuple[str, int], Mapping[str, tuple[float, float]]], metric: str, tables: set[str]
) -> tuple[np.ndarray, np.ndarray]:
    pairs = [gains[metric] for (table, _), gains in found.items() if table in tables]
    return np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])


def _mean_and_error(
    found: Mapping[tuple[str, int], Mapping[str, tuple[float, float]]], metric: str, tables: set[str]
) -> tuple[float, float]:
    """The mean over blocks, and its standard error as if the seeds' test rows were different ones."""
    values, errors = _values(found, metric, tables)
    return float(values.mean()), float(np.sqrt(np.sum(errors**2)) / len(errors))


def _mean_of(
    found: Mapping[tuple[str, int], Mapping[str, tuple[float, float]]], metric: str, tables: set[str]
) -> str:
    if not any(table in tables for table, _ in found):
        return ""
    mean, error = _mean_and_error(found, metric, tables)
    return f"{mean:+.4f} [{mean - 1.96 * error:+.4f}, {mean + 1.96 * error:+.4f}]"


def _over_tables(found: Mapping[tuple[str, int], Mapping[str, tuple[float, float]]], metric: str) -> str:
    tables = list(dict.fromkeys(table for table, _ in found))
    if len(tables) < 2:
        return ""
    means = np.array([_values(found, metric, {table})[0].mean() for table in tables])
    reach = student.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
    return f"{means.mean():+.4f} [{means.mean() - reach:+.4f}, {means.mean() + reach:+.4f}]"


def _behind(differences: Mapping[str, Mapping[tuple[str, int], Mapping[str, tuple[float, float]]]]) -> str:
    """Where tenure is behind by more than noise, over a table's seeds together."""
    lines = []
    for peer, found in differences.items():
        for table in dict.fromkeys(name for name, _ in found):
            for metric, name in METRICS.items():
                mean, error = _mean_and_error(found, metric, {table})
                if mean + 1.96 * error < 0:
                    lines.append(f"- {table}: behind {peer} in {name} by {-mean:.4f}")
    title = "Behind by more than noise (a table's seeds together):"
    return "\n".join([title, "", *(lines or ["- nowhere"])])
