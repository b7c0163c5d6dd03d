"""The documentation is under test: examples run, and every command, option and config key is told of."""

from __future__ import annotations

import argparse
import doctest
import importlib
import os
import pkgutil
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

import tenure
from tenure.cli.parser import build_parser
from tenure.config import ProjectConfig

DOCS = Path(__file__).parents[1] / "docs"
REFERENCE = (DOCS / "reference.md").read_text(encoding="utf-8")
MODULES = sorted(
    m.name for m in pkgutil.walk_packages(tenure.__path__, "tenure.") if "__main__" not in m.name
)


def commands() -> dict[str, argparse.ArgumentParser]:
    action = next(a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction))
    return dict(action.choices)


def options() -> Iterator[tuple[str, str]]:
    for name, parser in commands().items():
        for action in parser._actions:
            for option in action.option_strings:
                if option.startswith("--") and option != "--help":
                    yield name, option


def config_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in ((field.alias or name, field) for name, field in model.model_fields.items()):
        yield prefix + name
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from config_keys(part, f"{prefix}{name}.")


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_a_module_run(module: str):
    result = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


@pytest.mark.parametrize("command", commands())
def test_every_command_is_in_the_reference(command: str):
    assert f"### `tenure {command}" in REFERENCE


@pytest.mark.parametrize(("command", "option"), list(options()))
def test_every_option_is_in_the_reference(command: str, option: str):
    section = REFERENCE.split(f"### `tenure {command}")[1].split("\n### ")[0]
    assert option in section or option in ("--project", "--json")


@pytest.mark.parametrize("key", list(config_keys(ProjectConfig)))
def test_every_config_key_is_in_the_reference(key: str):
    assert f"`{key}`" in REFERENCE


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md"), key=str), ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
        assert "://" in target or (page.parent / target).exists(), target


def guide_commands() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", (DOCS / "guide.md").read_text(encoding="utf-8"), re.S)


@pytest.mark.slow
def test_the_commands_of_the_sources_page_run(tmp_path: Path):
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    blocks = re.findall(r"```sh\n(.*?)```", (DOCS / "sources.md").read_text(encoding="utf-8"), re.S)
    assert blocks
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "".join(blocks)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_the_code_of_the_estimators_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "estimators.md").read_text(encoding="utf-8"), re.S)
    assert blocks
    for block in blocks:
        exec(compile(block, "estimators.md", "exec"), {})


@pytest.mark.slow
def test_the_guide_runs(tmp_path: Path):
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    service = None
    try:
        for block in guide_commands():
            if block.startswith("tenure serve"):
                service = subprocess.Popen(["bash", "-c", f"exec {block}"], cwd=tmp_path, env=environment)
                wait_until_ready("http://127.0.0.1:8765/readyz")
                continue
            done = subprocess.run(
                ["bash", "-ec", block],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
            assert '"error"' not in done.stdout
    finally:
        if service is not None:
            service.terminate()
            service.wait(timeout=20)


def wait_until_ready(address: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(address):
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{address} did not answer")
