"""The row executor: a recipe applied to one dict in plain Python, for the service."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from operator import itemgetter

from tenure.errors import RowsRefused
from tenure.prepare import date_text, number_text
from tenure.prepare.recipe import OTHER, ColumnRecipe, NumberFormat, Recipe
from tenure.prepare.rules import MISSING_KEY, rule_of
from tenure.prepare.sql.row_recipe import RowExpressions
from tenure.prepare.tokens import LARGEST_NUMBER, SPACES, fold, shown, squeeze, whole_text
from tenure.records import CellProblem

# Spellings of one column whose value is remembered, and how long they may be.
_REMEMBERED, _LONGEST = 4096, 100

CleanValue = float | int | bool | str | None
Cell = Callable[[object], CleanValue]


class BadCellError(ValueError):
    """A cell that breaks its column's rule."""


# What a cell that is bad, absent, or a list or an object raises when it is looked up.
_ODD = (BadCellError, KeyError, TypeError)


class RowCleaner:
    """A recipe made ready to clean rows; compile it once, call clean for each row."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._expressions = RowExpressions(recipe) if recipe.derived or recipe.rules else None
        # What an expression reads is settled after it has been read; all else in one step.
        kept = {column.name for column in (*recipe.helpers, *(derived.column for derived in recipe.derived))}
        self._cells = tuple(
            (column.name, cell_reader(column) if column.name in kept else cell_cleaner(column))
            for column in recipe.inputs
        )
        # The same, of columns whose cells come again and again: what was cleaned before is looked up.
        self._quick = tuple(
            (name, _Remembered(cell, column.levels).__getitem__)
            if column.kind in ("category", "boolean")
            else (name, cell)
            for column, (name, cell) in zip(recipe.inputs, self._cells, strict=True)
        )
        places = {} if self._expressions is None else self._expressions.positions
        self._places = tuple(places[column.name] for column in recipe.features if places)
        self._settlers = tuple(
            (at, cell_settler(column)) for at, column in enumerate(recipe.features) if column.name in kept
        )

    def clean(self, row: Mapping[str, object], position: int = 0) -> tuple[CleanValue, ...]:
        """The clean values in the order of recipe.features; keys that are no input are ignored.

        position: the row's number in its request, for messages.
        Raises RowsRefused that names every bad cell of the row at once, or every rule that it breaks.
        """
        return self.clean_and_doubt(row, position)[0]

    def clean_and_doubt(
        self, row: Mapping[str, object], position: int = 0
    ) -> tuple[tuple[CleanValue, ...], Sequence[CellProblem]]:
        """As clean, and the rules that the row breaks and that only warn."""
        try:
            values = tuple([cell(row[name]) for name, cell in self._quick])
        except _ODD:
            raise RowsRefused(self.problems(row, position)) from None
        if self._expressions is None:
            return values, ()
        whole = self._expressions.derive(values)
        if self._expressions.broken(whole):
            raise RowsRefused(self._expressions.problems(whole, position))
        return self._settled(whole), self._expressions.doubts(whole, position)

    def clean_columns(
        self, rows: Sequence[Mapping[str, object]]
    ) -> tuple[list[Sequence[CleanValue]], set[int]]:
        """The clean values of many rows, a list for each of recipe.features, and the positions of odd rows.

        An odd row is refused by clean, or breaks a rule that only warns; what the columns hold of it means nothing.
        """
        odd: set[int] = set()
        columns: list[Sequence[CleanValue]] = [
            _read_column(cell, name, rows, odd) for name, cell in self._quick
        ]
        if self._expressions is None:
            return columns, odd
        settled = []
        for position, values in enumerate(zip(*columns, strict=True)):
            whole = self._expressions.derive(values)
            if self._expressions.breaks_any(whole):
                odd.add(position)
            settled.append(self._settled(whole))
        return list(zip(*settled, strict=True)), odd

    def clean_anyway(self, row: Mapping[str, object]) -> tuple[tuple[CleanValue, ...], list[str]]:
        """As tables are cleaned: bad cells count as missing, rules do not count.

        Returns the clean values, and the columns of the bad cells.
        """
        values, bad = self._read(row, 0)
        if self._expressions is not None:
            return self._settled(self._expressions.derive(values)), [problem.column for problem in bad]
        return tuple(values), [problem.column for problem in bad]

    def problems(self, row: Mapping[str, object], position: int = 0) -> list[CellProblem]:
        """The cells of a row that break a rule, in column order, then the broken rules; [] for a good row."""
        values, found = self._read(row, position)
        if self._expressions is not None:
            found += self._expressions.problems(self._expressions.derive(values), position)
        return found

    def _settled(self, whole: Sequence[CleanValue]) -> tuple[CleanValue, ...]:
        values = [whole[place] for place in self._places]
        for at, settle in self._settlers:
            values[at] = settle(values[at])
        return tuple(values)

    def _read(self, row: Mapping[str, object], position: int) -> tuple[list[CleanValue], list[CellProblem]]:
        values: list[CleanValue] = []
        found = []
        for column, (name, cell) in zip(self.recipe.inputs, self._cells, strict=True):
            values.append(None)
            if name not in row:
                found.append(CellProblem(position, name, MISSING_KEY, "nothing"))
                continue
            try:
                values[-1] = cell(row[name])
            except BadCellError:
                found.append(CellProblem(position, name, rule_of(column), shown(row[name])))
        return values, found


class _Remembered(dict[object, CleanValue]):
    """The clean values of texts and whole numbers that were met before; what is new is kept while there is room.

    Whole numbers are kept apart: 1, 1.0 and true are equal as keys, and do not mean the same.
    """

    def __init__(self, clean: Cell, common: Sequence[str]) -> None:
        self._clean = clean
        self._numbers: dict[object, CleanValue] = {}
        for text in common:
            self[text] = clean(text)

    def __missing__(self, value: object) -> CleanValue:
        kind = type(value)
        if kind is int and value in self._numbers:
            return self._numbers[value]
        found = self._clean(value)
        if len(self) + len(self._numbers) < _REMEMBERED:
            if kind is int:
                self._numbers[value] = found
            elif kind is str and len(value) < _LONGEST:  # type: ignore[arg-type]
                self[value] = found
        return found


def _read_column(
    cell: Cell, name: str, rows: Sequence[Mapping[str, object]], odd: set[int]
) -> list[CleanValue]:
    try:
        return list(map(cell, map(itemgetter(name), rows)))
    except _ODD:
        return [_read_or_note(cell, name, row, position, odd) for position, row in enumerate(rows)]


def _read_or_note(
    cell: Cell, name: str, row: Mapping[str, object], position: int, odd: set[int]
) -> CleanValue:
    try:
        return cell(row[name])
    except _ODD:
        odd.add(position)
        return None


def cell_cleaner(column: ColumnRecipe) -> Cell:
    """The function that cleans one raw cell of a column, or raises BadCellError: reads and settles in one step."""
    makers: dict[str, Callable[[ColumnRecipe], Cell]] = {
        "number": _number,
        "integer": _number,
        "boolean": _boolean,
        "category": _category,
        "date": _date,
        "text": _text,
    }
    return makers[column.kind](column)


def cell_reader(column: ColumnRecipe) -> Cell:
    """The function that reads one raw cell, as expressions.read_cell does, or raises BadCellError."""
    if column.kind == "category":
        return _word(column)
    return cell_cleaner(replace(column, bounds=None))


def cell_settler(column: ColumnRecipe) -> Callable[[CleanValue], CleanValue]:
    """The function that settles one value that was read, as expressions.settle_cell does."""
    if column.kind == "category":
        return _level(column)
    if column.bounds is None:
        return lambda value: value
    low, high = column.bounds if column.kind != "date" else map(int, column.bounds)
    return lambda value: None if value is None else min(max(value, low), high)


def cell_text(value: object) -> str | None:
    """The stripped text of a cell, the same that expressions.text_of gives, or None if it has none."""
    if isinstance(value, str):
        return value.strip(SPACES)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if -(2**63) <= value < 2**64 else None
    if isinstance(value, float):
        return whole_text(value)
    return None


def _is_missing(column: ColumnRecipe) -> Callable[[object], bool]:
    tokens = frozenset(column.null_tokens)
    nan_is_missing = column.nan_is_null
    by_text = column.kind not in ("number", "integer")

    def is_missing(value: object) -> bool:
        if value is None:
            return True
        if isinstance(value, str):
            return fold(value) in tokens
        if nan_is_missing and isinstance(value, float) and math.isnan(value):
            return True
        text = cell_text(value) if by_text else None
        return text is not None and text in tokens

    return is_missing


def _number(column: ColumnRecipe) -> Cell:
    parse = number_text.parser(column.number_format or NumberFormat())
    is_missing = _is_missing(column)
    low, high = map(float, column.bounds) if column.bounds is not None else (-math.inf, math.inf)
    nulls = frozenset(column.null_values)

    def number(value: object) -> float | None:
        kind = type(value)
        if kind is float or kind is int or (isinstance(value, (int, float)) and kind is not bool):
            try:
                parsed = float(value)  # type: ignore[arg-type]
            except OverflowError:
                raise BadCellError from None
            # Too large, or NaN, which no comparison holds for.
            if not -LARGEST_NUMBER <= parsed <= LARGEST_NUMBER:
                if is_missing(value):
                    return None
                raise BadCellError
        else:
            # Parsed before it is looked up: no null token is a number, and numbers are what most cells hold.
            found = parse(value.strip(SPACES)) if isinstance(value, str) else None
            if found is None:
                if is_missing(value):
                    return None
                raise BadCellError
            parsed = found
        if parsed in nulls:
            return None
        if parsed < low:
            parsed = low
        elif parsed > high:
            parsed = high
        return parsed if parsed != 0.0 else 0.0  # never -0.0

    return number


def _boolean(column: ColumnRecipe) -> Cell:
    known = {**dict.fromkeys(column.false_tokens, False), **dict.fromkeys(column.true_tokens, True)}
    is_missing = _is_missing(column)

    def boolean(value: object) -> bool | None:
        if isinstance(value, bool):
            return value
        if is_missing(value):
            return None
        text = cell_text(value)
        found = known.get(fold(text)) if text is not None else None
        if found is None:
            raise BadCellError
        return found

    return boolean


def _word(column: ColumnRecipe) -> Cell:
    is_missing = _is_missing(column)
    key_of, aliases = _key_of(column), column.aliases

    def word(value: object) -> str | None:
        if is_missing(value):
            return None
        text = cell_text(value)
        if text is None:
            raise BadCellError
        level = aliases.get(key_of(text)) if aliases else None
        return squeeze(text) if level is None else level

    return word


def _key_of(column: ColumnRecipe) -> Callable[[str], str]:
    return squeeze if column.case_sensitive else fold


def _level(column: ColumnRecipe) -> Callable[[CleanValue], CleanValue]:
    key_of = _key_of(column)
    levels = {key_of(level): level for level in column.levels}
    quick: dict[CleanValue, CleanValue] = {level: level for level in column.levels} | {None: None}

    def level_of(word: CleanValue) -> CleanValue:
        return quick[word] if word in quick else levels.get(key_of(str(word)), OTHER)

    return level_of


def _category(column: ColumnRecipe) -> Cell:
    read, settle = _word(column), _level(column)
    return lambda value: settle(read(value))


def _text(column: ColumnRecipe) -> Cell:
    is_missing = _is_missing(column)

    def text(value: object) -> str | None:
        if is_missing(value):
            return None
        found = cell_text(value)
        if found is None:
            raise BadCellError
        return found

    return text


def _date(column: ColumnRecipe) -> Cell:
    parse = date_text.parser(column.date_formats)
    is_missing = _is_missing(column)
    bounds = (int(column.bounds[0]), int(column.bounds[1])) if column.bounds is not None else None
    nulls = frozenset(column.null_values)

    def moment(value: object) -> int | None:
        if isinstance(value, (date, datetime)):
            found: int | None = date_text.micros_of(value)
        elif is_missing(value):
            return None
        else:
            text = cell_text(value)
            found = parse(text) if text is not None else None
        if found is None:
            raise BadCellError
        if found in nulls:
            return None
        return found if bounds is None else min(max(found, bounds[0]), bounds[1])

    return moment
