"""DVC in the project's folder, by its own command line: so that `dvc status`, `push`, `pull` and `checkout` work.

One .dvc file a version, beside its folder. DVC's usage reports and its look for newer releases are switched off in
the project's .dvc/config, for the user's own dvc commands too: nothing is sent anywhere but to the data remote.
"""

from __future__ import annotations

import configparser
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, cast

import yaml

from tenure.durable import write_durably
from tenure.errors import ExtraMissing, ProjectError

log = logging.getLogger(__name__)

REMOTE = "tenure"
_IGNORED = "/config.local\n/tmp\n/cache\n"
# hard links: the cache and the version's folder hold a table once, and DVC makes it read-only
_SETTINGS = """\
    analytics = false
    check_update = false
[cache]
    type = "reflink,hardlink,copy"
"""


def is_installed() -> bool:
    """Whether DVC can be run."""
    return find_spec("dvc") is not None


def find_home(root: Path) -> Path | None:
    """The nearest folder from root upward that DVC has been set up in, or None."""
    return next((folder for folder in (root, *root.parents) if (folder / ".dvc").is_dir()), None)


def track(root: Path, folder: Path, remote: str | None) -> None:
    """Put a folder under DVC, setting DVC up first where it is not. One that has a .dvc file stays as it is.

    remote: store.data_remote; None leaves the remotes of the project as they are.
    Raises ExtraMissing without DVC, ProjectError with DVC's own words when it refuses.
    """
    set_up(root, remote)
    if not folder.with_name(f"{folder.name}.dvc").exists():
        run(root, "add", "--quiet", folder.relative_to(root).as_posix())


def pull(root: Path, folder: Path) -> None:
    """Bring a tracked folder back, from the cache or else from the remote. Raises ProjectError when neither has it."""
    target = f"{folder.relative_to(root).as_posix()}.dvc"
    try:
        run(root, "checkout", "--quiet", "--force", target)
    except ProjectError:
        run(root, "pull", "--quiet", "--force", target)


def cached_files(root: Path, pointer: Path) -> set[Path]:
    """The files of DVC's cache that a .dvc file stands for: each file of the folder, and the list of them."""
    home = find_home(root)
    if home is None or not pointer.is_file():
        return set()
    found: set[Path] = set()
    for out in (yaml.safe_load(pointer.read_text()) or {}).get("outs", []):
        listed = _in_cache(_cache(home), out["md5"])
        found.add(listed)
        if out["md5"].endswith(".dir") and listed.is_file():
            entries = yaml.safe_load(listed.read_text())  # JSON, which is YAML
            found |= {_in_cache(_cache(home), entry["md5"]) for entry in entries}
    return found


def has_remote(root: Path) -> bool:
    """Whether copies may lie in a remote."""
    home = find_home(root)
    return home is not None and any(name.startswith("'remote ") for name in _read(home).sections())


def run(root: Path, *arguments: str) -> str:
    """Run one dvc command in the project and return what it printed. Raises ExtraMissing, ProjectError."""
    if not is_installed():
        raise ExtraMissing("dvc", "versions")
    waiting = _waiting.get(root)
    if waiting is not None:
        failed, said = waiting(arguments)
    else:
        with _process(root) as run_now:
            failed, said = run_now(arguments)
    if failed:
        lines = said.splitlines()
        errors = [line for line in lines if line.startswith("ERROR")] or lines
        raise ProjectError(
            f"`dvc {' '.join(arguments)}` failed: {' '.join(errors[:2])[:300]}",
            where=str(root),
            todo="run that command by hand, and see https://dvc.org/doc/user-guide/troubleshooting",
        )
    return said


@contextmanager
def ready(root: Path) -> Iterator[None]:
    """Inside, the commands of a project are run by one process, which loads DVC while other work is done.

    Loading takes longer than most commands. Without DVC nothing is started.
    """
    if not is_installed():
        yield
        return
    with _process(root) as run_now:
        _waiting[root] = run_now
        try:
            yield
        finally:
            del _waiting[root]


# What a process runs: DVC's own command line, once for each line of arguments, answered by a line with its exit code.
_COMMANDS = """
import json, os, sys
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
from dvc.cli import main
import dvc.repo
for line in sys.stdin:
    print(main(json.loads(line)), file=answers, flush=True)
"""


Run = Callable[[Sequence[str]], tuple[bool, str]]


@contextmanager
def _process(root: Path) -> Iterator[Run]:
    """A process that runs dvc commands in a folder, one after the other: whether one failed, and what it printed."""
    quiet = {"DVC_NO_ANALYTICS": "1", "CI": "1", "DVC_STUDIO_OFFLINE": "1"}
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            [sys.executable, "-c", _COMMANDS],
            bufsize=0,  # nothing is left to be written when the process has ended early
            cwd=root,
            env={**os.environ, **quiet},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
        ) as process,
    ):
        questions, answers = cast(IO[bytes], process.stdin), cast(IO[bytes], process.stdout)

        def run(arguments: Sequence[str]) -> tuple[bool, str]:
            start = os.fstat(said.fileno()).st_size
            with suppress(BrokenPipeError):  # then it has said why
                questions.write(f"{json.dumps(arguments)}\n".encode())
            failed = answers.readline().strip() != b"0"
            said.seek(start)
            return failed, said.read().decode(errors="replace")

        yield run


_waiting: dict[Path, Run] = {}


def set_up(root: Path, remote: str | None) -> None:
    """Make the project's folder DVC's where it is not, and the remote known to it. Raises as track does."""
    home = find_home(root)
    if home is None:
        git = _git_of(root)
        how = ["--no-scm"] if git is None else [] if git == root else ["--subdir"]
        run(root, "init", "--quiet", *how)
        # without git, DVC writes no such file; whoever runs `git init` later would commit the cache
        write_durably(root / ".dvc" / ".gitignore", _IGNORED)
        no_scm = "    no_scm = true\n" if git is None else ""
        write_durably(root / ".dvc" / "config", f"[core]\n{no_scm}{_SETTINGS}")
        home = root
    config = _read(home)
    if (home / ".git").exists() and config.getboolean("core", "no_scm", fallback=False):
        run(root, "config", "--unset", "core.no_scm")
    if remote is not None and (remote, REMOTE) != _remote_of(config, root, home):
        run(root, "remote", "add", "--quiet", "--force", "--default", REMOTE, remote)


def _git_of(root: Path) -> Path | None:
    """The repository that the project is part of; None without one, and where it ignores the project's folder."""
    git = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), None)
    if git is None or shutil.which("git") is None:
        return git
    ignored = subprocess.run(
        ["git", "check-ignore", "--quiet", str(root)], cwd=git, capture_output=True, check=False
    )
    return None if ignored.returncode == 0 else git


def _remote_of(config: configparser.ConfigParser, root: Path, home: Path) -> tuple[str | None, str | None]:
    """The address of our remote as tenure.yaml would write it, and the name of the default remote."""
    url = config.get(f"'remote \"{REMOTE}\"'", "url", fallback=None)
    if url is not None and "://" not in url and not Path(url).is_absolute():
        url = os.path.relpath(home / ".dvc" / url, root)
    return url, config.get("core", "remote", fallback=None)


def _read(home: Path) -> configparser.ConfigParser:
    """DVC's config of a project, with what is kept of it on this machine only."""
    config = configparser.ConfigParser(interpolation=None)
    config.read([home / ".dvc" / "config", home / ".dvc" / "config.local"])
    return config


def _cache(home: Path) -> Path:
    return home / ".dvc" / _read(home).get("cache", "dir", fallback="cache")


def _in_cache(cache: Path, md5: str) -> Path:
    return cache / "files" / "md5" / md5[:2] / md5[2:]
