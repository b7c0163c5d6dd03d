"""How a true label that a client sends is read: in any spelling of the target that training knew."""

from __future__ import annotations

from tenure.prepare import number_text
from tenure.prepare.recipe import NumberFormat, TargetRecipe
from tenure.prepare.rows import cell_text
from tenure.prepare.rules import A_NUMBER
from tenure.prepare.tokens import LARGEST_NUMBER, fold


def read_label(target: TargetRecipe, value: object) -> str | float | None:
    """Return the class or number that value stands for, or None if it stands for none.

    >>> churn = TargetRecipe("Churn", "binary", ("No", "Yes"), "Yes", {"no": "No", "yes": "Yes"})
    >>> read_label(churn, " yes "), read_label(churn, "maybe")
    ('Yes', None)
    """
    if target.task == "regression":
        return _number(target, value)
    text = cell_text(value)
    if text is None and isinstance(value, float):
        text = repr(value)
    return None if text is None else target.spellings.get(fold(text))


def label_rule(target: TargetRecipe) -> str:
    """Return what a label must be, in words."""
    if target.task == "regression":
        return A_NUMBER
    return f"must be one of {', '.join(map(repr, target.classes))}"


def _number(target: TargetRecipe, value: object) -> float | None:
    if isinstance(value, str):
        number = number_text.parser(target.number_format or NumberFormat())(value.strip())
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            return None
    else:
        return None
    return number if number is not None and abs(number) <= LARGEST_NUMBER else None
