"""What tenure.yaml says of versions beside the champion, as the service is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenure.errors import RegistryError
from tenure.project import Project
from tenure.project.serving import _beside
from tenure.serve.settings import Beside

from .letters import CONFIG, project_of_letters


def test_a_version_that_listens_is_found_by_its_number_or_post(tmp_path: Path) -> None:
    project = project_of_letters(tmp_path)
    release = Path(project.run().release)

    def told(which: str) -> Beside | None:
        (project.folder.root / "tenure.yaml").write_text(f"{CONFIG}serve: {{shadow: {which}}}\n")
        again = Project(project.folder)
        return _beside(again.folder, again.config, again.config.serve.shadow, 0.0)

    assert told("null") is None
    assert told('"1"') == told("champion") == Beside("1", release)
    for nobody in ('"7"', "challenger"):
        with pytest.raises(RegistryError):
            told(nobody)
