"""The project's own files agree with each other: dependencies, their reasons, and what the documentation shows."""

from __future__ import annotations

import ast
import re
import shlex
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "datasets" / "README.md", *(ROOT / "docs").glob("*.md")])
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
EXTRAS = ("data", "export", "fiftyone", "fonts", "mtl", "pdf", "ray", "track", "web")
# What only some formats of the export ask for, on their own platforms; a message names it where it is missing.
BY_PLATFORM = {"coremltools", "nncf"}
IMPORT_NAMES = {
    "iterstrat": "iterative-stratification",
    "python_multipart": "python-multipart",
    "cv2": "opencv-python",
    "yaml": "pyyaml",
    "PIL": "pillow",
}


def requirements(name: str) -> dict[str, Requirement]:
    """The rows of a requirements file by package."""
    lines = (line.split("#")[0].strip() for line in (ROOT / name).read_text().splitlines())
    return {canonicalize_name(r.name): r for r in map(Requirement, filter(None, lines))}


@pytest.fixture(scope="module")
def project() -> dict:
    """The [project] table."""
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 reads no TOML")
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def blocks(language: str) -> list:
    """Fenced blocks of a language on all pages, named by page and number."""
    found = []
    for page in PAGES:
        texts = [text for kind, text in FENCE.findall(page.read_text()) if kind == language]
        found += [pytest.param(text, id=f"{page.stem}-{i}") for i, text in enumerate(texts)]
    return found


# Dependencies ---------------------------------------------------------------------------------------------------------
def test_requirements_file_is_the_project_table(project: dict) -> None:
    assert [str(r) for r in requirements("requirements.txt").values()] == [
        str(Requirement(text)) for text in project["dependencies"]
    ]


def test_the_base_is_pinned_exactly(project: dict) -> None:
    assert "ultralytics==8.4.190" in project["dependencies"]


def test_constraints_meet_the_requirements(project: dict) -> None:
    constraints = requirements("constraints.txt")
    texts = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    for wanted in map(Requirement, texts):
        pin = constraints.get(canonicalize_name(wanted.name))
        if pin is not None:
            (version,) = (spec.version for spec in pin.specifier)
            assert wanted.specifier.contains(version), f"{wanted} against {pin}"
    assert set(requirements("requirements.txt")) <= set(constraints)


def test_every_import_is_a_declared_dependency(project: dict) -> None:
    texts = [*project["dependencies"], *(text for extra in EXTRAS for text in project["optional-dependencies"][extra])]
    declared = {canonicalize_name(Requirement(text).name) for text in texts}
    imported = set()
    for file in (ROOT / "ayolom").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(node.module.split(".")[0])
    foreign = imported - sys.stdlib_module_names - {"ayolom"}
    assert {IMPORT_NAMES.get(name, name) for name in foreign} - BY_PLATFORM <= declared


def test_every_dependency_has_its_reason(project: dict) -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text()
    extras = [Requirement(text).name for extra in EXTRAS for text in project["optional-dependencies"][extra]]
    missing = [name for name in (*requirements("requirements.txt"), *extras) if f"`{name}`" not in page.lower()]
    assert missing == []


def test_no_module_is_shadowed_by_two_distributions_of_ours() -> None:
    assert packages_distributions().get("ayolom", ["ayolom"])[0] == "ayolom"


# Documentation --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}/{page.name}")
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)", FENCE.sub("", page.read_text()))
    missing = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert missing == []


def test_every_setting_of_ours_is_explained() -> None:
    from ayolom.config import setting_names

    text = "".join(page.read_text() for page in PAGES)
    assert [name for name in setting_names() if f"`{name}" not in text] == []


def test_every_script_is_mentioned() -> None:
    text = "".join(page.read_text() for page in PAGES)
    scripts = {file.name for file in (ROOT / "scripts").iterdir() if file.suffix in {".py", ".sh"}}
    assert [name for name in scripts - {"environment.sh"} if name not in text] == []


def test_every_page_is_listed() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    assert [page.name for page in PAGES if page.parent.name == "docs" and f"({page.name})" not in index] == ["index.md"]


def commands() -> list:
    """The commands in the shell blocks of all pages, comments left out."""
    found = []
    for block in blocks("bash"):
        lines = block.values[0].replace("\\\n", " ").splitlines()
        words = (shlex.split(line, comments=True) for line in lines)
        found += [pytest.param(w, id=f"{block.id}-{' '.join(w[:3])}") for w in words if w]
    return found


@pytest.mark.parametrize("words", commands())
def test_every_command_exists(words: list[str]) -> None:
    """Scripts are there; modes and settings of `yolo` and `ayolom` are known."""
    from ultralytics.utils import DEFAULT_CFG_DICT

    from ayolom.cli import MODES, TUNE_WORDS
    from ayolom.commands import GROUPS, load
    from ayolom.config import setting_names

    words = [word for word in words if not re.fullmatch(r"[A-Z_]+=\S*", word)]
    program, *rest = words
    if program in {"bash", "python"} and not rest[0].startswith("-"):
        assert (ROOT / rest[0]).is_file() or not rest[0].startswith("scripts/")
    elif program in {"yolo", "ayolom"} and rest[0] in {*GROUPS, *GROUPS[""]}:
        command, given = (load(*rest[:2]), rest[2:]) if rest[0] in GROUPS else (load("", rest[0]), rest[1:])
        assert {word.split("=")[0] for word in given} <= {option.name for option in command.options}
    elif program in {"yolo", "ayolom"}:
        special = {"checks", "version", "cfg", "settings", "help"}
        assert rest[0] in {*MODES, *special}
        known = {*DEFAULT_CFG_DICT, *setting_names(), "mend", *(TUNE_WORDS if rest[0] == "tune" else ())}
        assert {word.split("=")[0] for word in rest[1:]} <= known
    else:
        assert program in {"pip", "uv", "git", "cd", "cp", "source", "python", "apt", "curl"}


@pytest.mark.parametrize("text", blocks("python"))
def test_python_examples_name_things_that_exist(text: str) -> None:
    """The examples parse, and what they import from ayolom is there."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "ayolom":
            module = __import__(node.module, fromlist=[alias.name for alias in node.names])
            assert all(hasattr(module, alias.name) for alias in node.names)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_yaml_examples_are_accepted(text: str, tmp_path: Path) -> None:
    """Whole dataset files pass the reader; whole model files build."""
    content = yaml.safe_load(text)
    if "backbone" in content:
        from ayolom.nn.model import MultiTaskModel

        MultiTaskModel(content)
    elif "tasks" in content and "train" in content:
        from ayolom.data.schema import load_schema

        for split in ("train", "val"):
            entries = content[split] if isinstance(content[split], list) else [content[split]]
            for entry in entries:
                (tmp_path / str(content.get("path", ".")) / entry).mkdir(parents=True, exist_ok=True)
        (tmp_path / "data.yaml").write_text(text)
        assert list(load_schema(tmp_path / "data.yaml").tasks) == list(content["tasks"])
