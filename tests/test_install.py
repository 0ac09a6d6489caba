"""Real installations: whose `yolo` wins, and whether the package finds its files from another folder.

Each case gets a fresh environment that sees the libraries of the running one (all but ayolom and the base), so that
pip resolves and installs for real and only these two are written: no network, seconds instead of minutes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import pytest

from ayolom import __version__

pytestmark = [
    pytest.mark.install,
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="the environments are made of symbolic links"),
]
UNDER_TEST = ("ayolom", "ultralytics-", "ultralytics.")


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command with none of the caller's Python settings."""
    clean = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}}
    settings = {"cwd": cwd, "env": {**clean, **environment}, "capture_output": True, "text": True, "timeout": 300}
    return subprocess.run([str(part) for part in command], check=False, **settings)


def must(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """Run a command that has to succeed and return what it printed."""
    done = run(*command, cwd=cwd, **environment)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@dataclass
class Environment:
    """A virtual environment; `elsewhere` is a folder that is neither it nor the checkout."""

    folder: Path
    wheels: Path
    elsewhere: Path

    def pip(self, *arguments: str | Path) -> str:
        """Install from the folder of wheels alone."""
        tool = (sys.executable, "-m", "pip", "--python", self.folder / "bin" / "python")
        return must(*tool, "install", "--quiet", "--no-index", "--find-links", self.wheels, *arguments)

    def command(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a console command of the environment as a shell in which it is active would."""
        path = os.pathsep.join([str(self.folder / "bin"), os.environ["PATH"]])
        return run(self.folder / "bin" / name, *arguments, cwd=self.elsewhere, PATH=path)

    def python(self, code: str) -> str:
        """Run code in another folder and return what it printed."""
        return must(self.folder / "bin" / "python", "-c", code, cwd=self.elsewhere).strip()

    def owner(self) -> str:
        """Whose `yolo` is in place, by the text of the file and not by the code under test."""
        text = (self.folder / "bin" / "yolo").read_text()
        return "ayolom" if "from ayolom.cli import main" in text else "ultralytics" if "ultralytics" in text else text


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Path:
    """Our wheel, built from a copy of the checkout, and the base's, packed again from its installed files."""
    folder = tmp_path_factory.mktemp("wheels")
    source = tmp_path_factory.mktemp("source")
    for name in ("ayolom", "cfg"):
        shutil.copytree(root / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(root / name, source / name)
    build = ("wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", folder)
    must(sys.executable, "-m", "pip", *build, source)
    pack_again("ultralytics", folder)
    return folder


def pack_again(name: str, folder: Path) -> None:
    """Write the wheel of an installed distribution from its recorded files."""
    installed = distribution(name)
    inside = [file for file in installed.files or [] if ".." not in file.parts and file.suffix != ".pyc"]
    with zipfile.ZipFile(folder / f"{name}-{installed.version}-py3-none-any.whl", "w") as archive:
        for file in inside:
            if file.name not in {"INSTALLER", "REQUESTED", "direct_url.json"}:
                archive.write(str(file.locate()), str(file))


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The running environment's site-packages less ayolom and the base, as links."""
    folder = tmp_path_factory.mktemp("libraries")
    for name in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(name).iterdir():
            ours = entry.name == "ultralytics" or entry.name.lower().startswith(UNDER_TEST)
            if not ours and entry.suffix != ".pth" and not entry.name.startswith(("_editable", "__editable")):
                (folder / entry.name).symlink_to(entry)
    return folder


@pytest.fixture
def environment(tmp_path: Path, wheels: Path, libraries: Path) -> Environment:
    """A fresh environment with neither ayolom nor the base in it."""
    folder = tmp_path / "environment"
    must(sys.executable, "-m", "venv", "--without-pip", folder)
    (site,) = folder.glob("lib/python*/site-packages")
    (site / "libraries.pth").write_text(f"{libraries}\n")
    (tmp_path / "elsewhere").mkdir()
    return Environment(folder, wheels, tmp_path / "elsewhere")


def assert_works(environment: Environment) -> None:
    """The commands run and the YAML files are found, from a folder that has nothing to do with either."""
    assert __version__ in environment.command("ayolom", "version").stdout
    where = "from ayolom.config import find_data_yaml as d, find_model_yaml as m; "
    found = environment.python(where + "print(m('aYOLOM.yaml')[0], m('aYOLOM26s.yaml')[0], d('cardamage.yaml'))")
    assert [Path(name).name for name in found.split()] == ["aYOLOM.yaml", "aYOLOM26.yaml", "cardamage.yaml"]
    assert all(Path(name).is_file() for name in found.split())


def test_pip_install_brings_the_base_first_and_our_yolo_wins(environment: Environment) -> None:
    environment.pip("ayolom")
    assert environment.owner() == "ayolom"
    assert environment.command("ayolom", "checks").returncode == 0
    assert_works(environment)
    inside = environment.python("import ayolom.config as c; print(c.cfg_dir())")
    assert Path(inside).is_relative_to(environment.folder)


def test_base_reinstalled_last_is_said_and_mended(environment: Environment) -> None:
    environment.pip("ayolom")
    environment.pip("--force-reinstall", "--no-deps", "ultralytics")
    assert environment.owner() == "ultralytics"

    said = environment.command("ayolom", "checks")
    assert said.returncode == 1
    assert "ayolom checks mend=True" in said.stdout + said.stderr
    assert environment.owner() == "ultralytics", "checks must not mend unless asked"

    assert environment.command("ayolom", "checks", "mend=True").returncode == 0
    assert environment.owner() == "ayolom"
    assert "no such setting" in environment.command("yolo", "train", "model=aYOLOM26n.yaml", "epoch=1").stderr


def test_no_deps_beside_the_base_works(environment: Environment) -> None:
    environment.pip("--no-deps", "ultralytics")
    environment.pip("--no-deps", "ayolom")
    assert environment.owner() == "ayolom"
    assert_works(environment)


def test_editable_install_reads_the_checkout(environment: Environment, root: Path) -> None:
    environment.pip("--no-deps", "ultralytics")
    environment.pip("--no-deps", "--no-build-isolation", "--editable", root)
    assert environment.owner() == "ayolom"
    assert_works(environment)
    assert Path(environment.python("import ayolom.config as c; print(c.cfg_dir())")) == root / "cfg"


def test_uv_leaves_one_of_the_two_and_checks_knows_which(environment: Environment, tmp_path: Path) -> None:
    uv = shutil.which("uv", path=sysconfig.get_path("scripts")) or shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not installed")
    target = ("--python", environment.folder / "bin" / "python", "--no-index", "--find-links", environment.wheels)
    install = (uv, "pip", "install", "--quiet", "--offline", "--no-config", "--no-deps", *target)
    must(*install, "ultralytics", "ayolom", UV_CACHE_DIR=str(tmp_path / "cache"))
    assert_works(environment)

    status = environment.command("ayolom", "checks").returncode
    assert status == (0 if environment.owner() == "ayolom" else 1)
    assert environment.command("ayolom", "checks", "mend=True").returncode == 0
    assert environment.owner() == "ayolom"


def test_wheel_holds_the_package_and_nothing_else(wheels: Path) -> None:
    (wheel,) = wheels.glob("ayolom-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"ayolom", f"ayolom-{__version__}.dist-info"}
    assert "ayolom/py.typed" in names
    assert "ayolom/cfg/default.yaml" in names
    assert not [name for name in names if name.endswith((".pt", ".pyc", ".jpg", ".mp4"))]
