"""Every error a user can act on: what was expected, what came, where, and what to do next."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tenure.records import CellProblem


class TenureError(Exception):
    """A mistake the user can mend; the command line prints it without a traceback and exits with 2.

    what: what was expected and what came.  where: file, line, column or key.
    todo: the next step, in the imperative.

    >>> print(TenureError("the target 'Chrun' is not a column", where="telco.csv", todo="pass --target Churn"))
    the target 'Chrun' is not a column
      where: telco.csv
      next:  pass --target Churn
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str | None = None, todo: str | None = None) -> None:
        self.what = what
        self.where = where
        self.todo = todo
        lines = [what]
        if where:
            lines.append(f"  where: {where}")
        if todo:
            lines.append(f"  next:  {todo}")
        super().__init__("\n".join(lines))


class ConfigError(TenureError):
    """A key or value of tenure.yaml, or of schema.json, is wrong."""


class ExpressionError(ConfigError):
    """A SQL expression of tenure.yaml is wrong.

    sql: the expression.  at: where in it, as positions from and to.

    >>> print(ExpressionError("the column 'tenur' is not known", sql="1 / tenur", at=(4, 9), where="features.x"))
    the column 'tenur' is not known
        1 / tenur
            ^^^^^
      where: features.x
    """

    def __init__(
        self,
        what: str,
        *,
        sql: str,
        at: tuple[int, int],
        where: str | None = None,
        todo: str | None = None,
    ) -> None:
        self.sql = sql
        self.at = at
        begin = sql.rfind("\n", 0, at[0]) + 1
        line = sql[begin:].split("\n", 1)[0].replace("\t", " ")
        first = at[0] - begin
        carets = "^" * max(1, min(at[1] - begin, len(line)) - first)
        super().__init__(f"{what}\n    {line}\n    {' ' * first}{carets}", where=where, todo=todo)


class ProjectError(TenureError):
    """A project folder is missing, unwritable or not in the state the command needs."""


class ProjectBusy(TenureError):
    """Another process is changing this project right now."""


class SourceError(TenureError):
    """A table cannot be read as it is: missing, empty, broken or of an unknown form."""


class ColumnsMissing(SourceError):
    """A table lacks columns that are needed. findings: what is known of them, such as their new names."""

    def __init__(
        self, missing: Sequence[str], available: Iterable[str], where: str, findings: Sequence[str] = ()
    ) -> None:
        self.missing = tuple(missing)
        self.available = tuple(available)
        hints = nearest_names(self.missing, self.available)
        super().__init__(
            f"needed columns are not in the table: {', '.join(map(repr, self.missing))}; "
            + "".join([f"it has {', '.join(map(repr, self.available))}", *(f"\n  {f}" for f in findings)]),
            where=where,
            todo=f"did you mean {', '.join(map(repr, hints))}?"
            if hints
            else "add the columns, or name others",
        )


class TargetError(TenureError):
    """The target column cannot be learned from."""


class GateFailed(TenureError):
    """A gate stopped a run before a model was made, or a promotion: nothing is wrong with the command.

    document: what the gate found, as JSON data, for --json.
    """

    exit_code = 1

    def __init__(
        self, what: str, document: Mapping[str, object], *, where: str | None = None, todo: str | None = None
    ) -> None:
        self.document = document
        super().__init__(what, where=where, todo=todo)


class RowsRefused(TenureError):
    """One or more rows break the schema of the model; every bad cell is named."""

    def __init__(self, problems: Sequence[CellProblem], *, where: str | None = None) -> None:
        self.problems = tuple(problems)
        shown = "; ".join(str(problem) for problem in self.problems[:5])
        more = f"; and {len(self.problems) - 5} more" if len(self.problems) > 5 else ""
        super().__init__(
            f"{len(self.problems)} bad cell(s): {shown}{more}", where=where, todo="mend the named cells"
        )


class ReleaseError(TenureError):
    """A release folder is damaged, incomplete or of an unknown format."""


class RegistryError(TenureError):
    """The model registry has no such version, or cannot be reached."""


class JournalError(TenureError):
    """The journal has no such row, or cannot be written."""


class ExtraMissing(TenureError):
    """A library that this command needs is not installed."""

    def __init__(self, library: str, extra: str) -> None:
        super().__init__(
            f"this command needs {library}, which is not installed", todo=f"pip install 'tenure[{extra}]'"
        )


def nearest_names(names: Iterable[str], available: Iterable[str]) -> list[str]:
    """Return, for each of names, the most similar available name, if any is similar.

    >>> nearest_names(["Chrun"], ["Churn", "tenure"])
    ['Churn']
    """
    candidates = list(available)
    by_lower = {name.lower(): name for name in candidates}
    found: list[str] = []
    for name in names:
        close = difflib.get_close_matches(name.lower(), by_lower, n=1)
        found.extend(by_lower[match] for match in close)
    return found
