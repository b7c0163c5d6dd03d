"""Which candidates a config may name: our own families, installed plug-ins, or a class in an importable module."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import entry_points
from typing import Annotated

from pydantic import AfterValidator

from tenure.errors import nearest_names

FAMILIES: list[str] = ["logistic", "forest", "xgboost", "lightgbm", "catboost"]
ENTRY_POINTS = "tenure.candidates"
"""The group under which an installed package offers candidates."""
PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@cache
def installed_candidates() -> dict[str, str]:
    """Name -> "package.module:Name" of every plug-in that is installed; none is imported.

    Our own families cannot be replaced by a plug-in of the same name.
    """
    return {e.name: e.value for e in entry_points(group=ENTRY_POINTS) if e.name not in FAMILIES}


def check_candidate_name(name: str) -> str:
    """Return the name, or raise ValueError with the nearest one that there is.

    >>> check_candidate_name("my_package.models:Stumps")
    'my_package.models:Stumps'
    """
    known = [*FAMILIES, *installed_candidates()]
    if name in known or PATH.fullmatch(name):
        return name
    hints = nearest_names([name], known)
    hint = f"did you mean {hints[0]!r}?" if hints else "a plug-in is named as package.module:Name"
    raise ValueError(f"there is no candidate {name!r}; there are {', '.join(known)}; {hint}")


CandidateName = Annotated[str, AfterValidator(check_candidate_name)]
