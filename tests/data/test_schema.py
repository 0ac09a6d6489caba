"""The dataset YAML: what it becomes, and what each mistake in it says."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import yaml

from ayolom.data import schema as schema_module
from ayolom.data.schema import is_multitask, load_schema
from ayolom.errors import AyolomError

DETECT = {"kind": "detect", "names": ["dent", "scratch"]}
MASKS = {"kind": "semantic", "names": ["background", "left_door", "right_door"]}


@pytest.fixture
def data(tmp_path):
    """Return a description as a mapping, whose folders are there; keywords change it."""
    for split in ("train", "val"):
        (tmp_path / "images" / split).mkdir(parents=True)

    def make(damage=None, **changed):
        content = {"path": str(tmp_path), "train": "images/train", "val": "images/val"}
        content["tasks"] = {"damage": {**DETECT, **(damage or {})}, "parts": dict(MASKS)}
        content.update(changed)
        return {key: value for key, value in content.items() if value is not None}

    return make


def test_a_whole_file(tmp_path, data):
    file = tmp_path / "cars.yaml"
    file.write_text(yaml.safe_dump(data(damage={"labels": "labels-d", "classes": ["scratch"]}), sort_keys=False))
    schema = load_schema(file)
    assert schema.file == file
    assert schema.root == tmp_path
    assert schema.sources("train") == (tmp_path / "images/train",)
    assert list(schema.tasks) == ["damage", "parts"]
    damage, parts = schema.tasks.values()
    assert (damage.kind, damage.labels, damage.names, damage.classes) == (
        "detect", "labels-d", {0: "dent", 1: "scratch"}, (1,),
    )  # fmt: skip
    assert (parts.flip_pairs, parts.ignore, parts.nc) == (((1, 2),), 255, 3)
    assert (schema.generate, schema.channels, schema.video) == (None, 3, None)


def test_the_shipped_file_describes_the_generated_data(monkeypatch, tmp_path):
    from ayolom.data.synthetic.names import DAMAGE_NAMES, PART_NAMES

    made = []
    (tmp_path / "datasets").mkdir()
    monkeypatch.chdir(tmp_path)
    generator = SimpleNamespace(generate=lambda root: made.append(root) or _make_splits(root))
    monkeypatch.setattr(schema_module, "_synthetic", lambda: generator)
    schema = load_schema("cardamage.yaml")
    assert made == [tmp_path / "datasets" / "cardamage"] == [schema.root]
    assert schema.tasks["damage"].names == DAMAGE_NAMES
    assert schema.tasks["parts"].names == PART_NAMES
    pairs = {(PART_NAMES[a], PART_NAMES[b]) for a, b in schema.tasks["parts"].flip_pairs}
    assert len(pairs) == 7
    assert ("back_left_light", "back_right_light") in pairs
    load_schema("cardamage.yaml")
    assert len(made) == 1  # it is there now


def _make_splits(root):
    for split in ("train", "val"):
        (root / "images" / split).mkdir(parents=True)


@pytest.mark.parametrize("place", ["beside", "cwd", "datasets"])
def test_a_relative_path_is_looked_for_in_three_places(tmp_path, monkeypatch, place):
    beside, cwd = tmp_path / "yaml", tmp_path / "cwd"
    for folder in (beside, cwd / "datasets"):
        folder.mkdir(parents=True)
    monkeypatch.chdir(cwd)
    root = {"beside": beside, "cwd": cwd, "datasets": cwd / "datasets"}[place] / "cars"
    _make_splits(root)
    (cwd / "cars").mkdir(exist_ok=True)  # an empty folder of that name does not win
    file = beside / "data.yaml"
    file.write_text(
        yaml.safe_dump({"path": "cars", "train": "images/train", "val": "images/val", "tasks": {"d": DETECT}})
    )
    assert load_schema(file).root == root


def test_several_folders_and_lists(tmp_path, data):
    (tmp_path / "more").mkdir()
    (tmp_path / "list.txt").write_text("more/a.jpg\n")
    schema = load_schema(data(train=["images/train", "more", "list.txt"]))
    assert [path.name for path in schema.sources("train")] == ["train", "more", "list.txt"]


def test_single_cls_leaves_one_name(data):
    spec = load_schema(data(damage={"single_cls": True})).tasks["damage"]
    assert (spec.names, spec.single_cls) == ({0: "damage"}, True)


def test_ignore_null_means_none(data):
    content = data()
    content["tasks"]["parts"]["ignore"] = None
    assert load_schema(content).tasks["parts"].ignore == -1


MISTAKES = [
    pytest.param({"trian": "x"}, "data: 'trian' is not a key here. Did you mean 'train'", id="unknown key"),
    pytest.param({"download": "x.py"}, "never runs code; use `generate: synthetic`", id="download"),
    pytest.param({"nc": 2}, "counted from the names", id="nc"),
    pytest.param({"generate": "synthetik"}, "generator 'synthetik'. Did you mean 'synthetic'", id="generator"),
    pytest.param({"tasks": None}, "needs a `tasks:` block", id="no tasks"),
    pytest.param({"tasks": {}}, "needs a `tasks:` block", id="empty tasks"),
    pytest.param({"tasks": {"a.b": DETECT}}, "name is made of letters", id="task name"),
    pytest.param({"tasks": {"backbone": DETECT}}, "is not 'backbone'", id="task backbone"),
    pytest.param({"tasks": {"a": "detect"}}, "must be a block of keys", id="task as a word"),
    pytest.param({"train": None, "val": None}, "names no images", id="no splits"),
    pytest.param(
        {"train": "images/tain"}, "train: .*images/tain does not exist; correct `train:`", id="missing folder"
    ),
    pytest.param({"train": [1]}, "must be a folder, a .txt list", id="split as a number"),
    pytest.param({"path": "nowhere"}, "path: nowhere was not found", id="missing root"),
    pytest.param({"path": 3}, "path: must be the name of a folder", id="path as a number"),
    pytest.param({"channels": 2}, "channels: must be 3", id="channels"),
]


@pytest.mark.parametrize(("changed", "message"), MISTAKES)
def test_mistakes_are_named(data, changed, message):
    with pytest.raises(AyolomError, match=message):
        load_schema(data(**changed))


TASK_MISTAKES = [
    pytest.param({"kind": "detct"}, "tasks: damage: .*no such kind 'detct'. Did you mean 'detect'", id="kind"),
    pytest.param({"kind": None}, "says no `kind:`", id="no kind"),
    pytest.param({"labls": "x"}, "damage: 'labls' is not a key here. Did you mean 'labels'", id="key"),
    pytest.param({"names": None}, "needs class names", id="no names"),
    pytest.param({"names": {1: "a", 2: "b"}}, "ids must run from 0 to 1 without gaps", id="gap"),
    pytest.param({"names": ["a", "a"]}, "a stands in it more than once", id="twice"),
    pytest.param(
        {"names": {0: False, 1: "b"}}, r"class 0 must be text \(got False\); put it in quotes", id="no as a name"
    ),
    pytest.param({"classes": ["dentt"]}, "classes: no such class 'dentt'. Did you mean 'dent'", id="classes"),
    pytest.param({"classes": []}, "keeps no class", id="no classes"),
    pytest.param({"classes": [0], "single_cls": True}, "exclude each other", id="classes and single_cls"),
    pytest.param({"single_cls": "yes"}, "single_cls: must be true or false", id="single_cls"),
    pytest.param({"ignore": 256}, "ignore: must be a pixel value", id="ignore"),
    pytest.param({"labels": 3}, "labels: must be the name of a folder", id="labels"),
    pytest.param({"masks": "m"}, "masks: kind detect has no masks", id="masks of boxes"),
    pytest.param({"kind": "semantic", "labels": "l"}, "kind semantic reads `masks:`", id="labels of masks"),
    pytest.param({"kind": "semantic", "masks": "m", "polygons": "p"}, "exclude each other", id="masks and polygons"),
    pytest.param({"kind": "semantic", "polygons": "p"}, "name the class of those 'background'", id="no background"),
    pytest.param({"kind": "semantic", "single_cls": True}, "single_cls: works on boxes", id="single_cls of masks"),
    pytest.param(
        {"kind": "semantic", "names": [f"c{i}" for i in range(256)]}, "at most 255 classes", id="256 mask classes"
    ),
]


@pytest.mark.parametrize(("damage", "message"), TASK_MISTAKES)
def test_mistakes_of_a_task_are_named(data, damage, message):
    content = data(damage=damage)
    content["tasks"]["damage"] = {k: v for k, v in content["tasks"]["damage"].items() if v is not None}
    with pytest.raises(AyolomError, match=message):
        load_schema(content)


def test_one_polygon_class_needs_no_background(data):
    schema = load_schema(data(tasks={"lane": {"kind": "semantic", "polygons": "p", "names": ["lane"]}}))
    assert schema.tasks["lane"].polygons == "p"


def test_two_tasks_may_share_labels_whose_classes_they_call_alike(data):
    shared = {"kind": "detect", "labels": "labels", "names": ["dent", "door"]}
    schema = load_schema(data(tasks={"damage": {**shared, "classes": [0]}, "parts": {**shared, "classes": [1]}}))
    assert list(schema.tasks) == ["damage", "parts"]
    tasks = {"damage": shared, "parts": {**shared, "names": ["hood", "door"]}}
    with pytest.raises(AyolomError, match="damage and parts read the same labels but call the classes by other names"):
        load_schema(data(tasks=tasks))


def test_an_equal_key_is_refused(tmp_path):
    file = tmp_path / "data.yaml"
    file.write_text("train: a\ntasks: {}\ntrain: b\n")
    with pytest.raises(AyolomError, match=r"data\.yaml: line 3: 'train'"):
        load_schema(file)


def test_a_split_that_is_not_there(data):
    with pytest.raises(AyolomError, match=r"has no split 'test' \(it has train, val\)"):
        load_schema(data()).sources("test")


def test_which_files_are_ours(tmp_path):
    ours, theirs, broken = (tmp_path / name for name in ("a.yaml", "b.yaml", "c.yaml"))
    ours.write_text("train: x\ntasks:\n  a: {}\n")
    theirs.write_text("train: x\nnames: {0: tasks}\n")
    broken.write_text("train: x\ntasks: {\n")
    assert [is_multitask(file) for file in (ours, theirs, broken, tmp_path / "none.yaml")] == [True, False, True, False]
    assert is_multitask("cardamage.yaml")
    assert not is_multitask("coco8.yaml")
    assert is_multitask({"tasks": {}})
