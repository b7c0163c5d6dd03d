"""An environment of its own for a peer that cannot share tenure's; made once, in a folder outside the project."""

from __future__ import annotations

import subprocess
import venv
from collections.abc import Sequence
from pathlib import Path


def python_with(folder: Path, installs: Sequence[Sequence[str]]) -> Path:
    """The Python of the environment in this folder, which is made when it is not whole.

    installs: requirements, one call of pip after the other.
    """
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists():
        print(f"making the environment {folder.name} (once)", flush=True)
        venv.create(folder, with_pip=True, clear=True)
        for requirements in installs:
            subprocess.run(
                [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements],
                check=True,
            )
        ready.touch()
    return python
