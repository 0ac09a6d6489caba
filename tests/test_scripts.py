"""The set-up scripts: their syntax, and what they say on a machine that cannot be set up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = ("scripts/environment.sh", "scripts/quickstart.sh", "scripts/test.sh", ".ci/run")
pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


def bash(*arguments: str, path: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run bash without an active virtual environment, with a path of its own where one is given."""
    clean = {k: v for k, v in os.environ.items() if k not in {"VIRTUAL_ENV", "PYTHON", "PYTHONPATH"}}
    clean.update({"PATH": str(path)} if path else {}, **environment)
    program = shutil.which("bash")
    return subprocess.run([program, *arguments], env=clean, cwd="/", capture_output=True, text=True, check=False)


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with the few commands that the scripts need, to be the whole PATH."""
    folder = tmp_path / "tools"
    folder.mkdir()
    for name in ("bash", "cat", "dirname"):
        (folder / name).symlink_to(shutil.which(name))
    return folder


def fake_python(file: Path, status: int) -> None:
    """A Python that answers every question with the same exit status."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!{shutil.which('bash')}\nexit {status}\n")
    file.chmod(0o755)


def checkout(root: Path, folder: Path) -> Path:
    """A copy of the scripts, so that no environment is made in the real checkout."""
    shutil.copytree(root / "scripts", folder / "scripts")
    return folder / "scripts" / "test.sh"


@pytest.mark.parametrize("script", SCRIPTS)
def test_syntax(root: Path, script: str) -> None:
    done = bash("-n", str(root / script))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("script", [name for name in SCRIPTS if name != "scripts/environment.sh"])
def test_stops_at_the_first_error(root: Path, script: str) -> None:
    assert "set -euo pipefail" in (root / script).read_text().splitlines()


@pytest.mark.parametrize("script", SCRIPTS)
def test_names_no_registry(root: Path, script: str) -> None:
    text = (root / script).read_text()
    assert not [word for word in ("http://", "https://", "--index-url", "--extra-index-url") if word in text]


def test_too_old_a_python_is_said_in_a_sentence(root: Path, tools: Path, tmp_path: Path) -> None:
    fake_python(tools / "python3", 1)
    done = bash(str(checkout(root, tmp_path)), path=tools)
    assert done.returncode == 1
    assert "needs Python 3.10 or newer" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_no_python_at_all_is_said_too(root: Path, tools: Path, tmp_path: Path) -> None:
    done = bash(str(checkout(root, tmp_path)), path=tools)
    assert done.returncode == 1
    assert "none was found" in done.stderr


def test_an_active_environment_with_an_old_python_is_refused(root: Path, tools: Path, tmp_path: Path) -> None:
    fake_python(tmp_path / "old" / "bin" / "python", 1)
    done = bash(str(checkout(root, tmp_path)), path=tools, VIRTUAL_ENV=str(tmp_path / "old"))
    assert done.returncode == 1
    assert "missing or older than Python 3.10" in done.stderr


def test_a_failed_environment_names_the_package_to_install(root: Path, tools: Path, tmp_path: Path) -> None:
    python = tools / "python3"
    fake_python(python, 0)
    python.write_text(f'#!{shutil.which("bash")}\n[ "$2" != venv ]\n')
    done = bash(str(checkout(root, tmp_path)), path=tools)
    assert done.returncode == 1
    assert "python3-venv" in done.stderr


def test_this_python_is_new_enough(root: Path) -> None:
    done = bash("-c", f'source "{root}/scripts/environment.sh"; is_usable "{sys.executable}"')
    assert done.returncode == 0, done.stderr
