"""What stands between a version and the post: limits that its release has to keep."""

from __future__ import annotations

import json
from pathlib import Path

from tenure.config import ProjectConfig
from tenure.project.fairness import gate_promotion
from tenure.release.files import read_release


def failed_gates(config: ProjectConfig, release: Path) -> tuple[str, ...]:
    """Why the release may not be promoted by the config as it is now; () where it may."""
    if config.fairness is None:
        return ()
    manifest, files = read_release(release)
    body = json.loads(files["fairness.json"]) if "fairness.json" in files else None
    return gate_promotion(config, body, manifest.task)
