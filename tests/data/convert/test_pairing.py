"""Which layer is for which task: by name, by order, by an export's note, or not at all."""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from ayolom.data.convert import import_dataset
from ayolom.data.convert._format import Layer
from ayolom.data.convert._note import Note, NotedTask
from ayolom.data.convert._pairing import noted_layers, pair_layers
from ayolom.errors import AyolomError

SPEC = spec_from_file_location("import_inputs", Path(__file__).with_name("import_inputs.py"))
inputs = module_from_spec(SPEC)
SPEC.loader.exec_module(inputs)
annotation, coco, description = inputs.annotation, inputs.coco, inputs.description

BDD = ("vehicles", "drivable", "lane")
PUBLISHED = ("detection-object", "seg-drivable-10", "seg-lane-11")
VOC = ("objects", "masks")
TWO = ("damage", "parts")
PLAIN = ("COCO_annos", "COCO_mul_annos")
SOURCE = Path("source")


def pairs(layers: tuple[str, ...], tasks: tuple[str, ...], wanted: tuple[str, ...] = ()) -> dict[str, str]:
    """Task by layer."""
    made = tuple(Layer(name, "detect") for name in layers)
    return {plan.layer.name: plan.task for plan in pair_layers(made, wanted, tasks, SOURCE)}


@pytest.mark.parametrize(
    ("layers", "tasks", "expected"),
    [
        pytest.param(TWO, ("parts", "damage"), {"damage": "damage", "parts": "parts"}, id="all by name"),
        pytest.param(TWO, ("Parts", "DAMAGE"), {"damage": "DAMAGE", "parts": "Parts"}, id="capitals"),
        pytest.param(TWO, ("parts",), {"parts": "parts"}, id="one by name, the other not read"),
        pytest.param(BDD, ("lane", "drivable"), {"drivable": "drivable", "lane": "lane"}, id="two of three"),
        pytest.param(TWO, ("parts", "dents"), {"damage": "dents", "parts": "parts"}, id="one by name, one left"),
        pytest.param(BDD, ("a", "b", "c"), dict(zip(BDD, "abc", strict=True)), id="none by name"),
        pytest.param(
            BDD,
            ("vehicles", "area", "line"),
            {"vehicles": "vehicles", "drivable": "area", "lane": "line"},
            id="in place",
        ),
        pytest.param(
            PUBLISHED,
            ("lane", "drivable", "object"),
            {"detection-object": "object", "seg-drivable-10": "drivable", "seg-lane-11": "lane"},
            id="a word of the name",
        ),
        pytest.param(VOC, ("damage", "parts"), {"objects": "damage", "masks": "parts"}, id="VOC"),
        pytest.param(PLAIN, ("damage", "parts"), {"COCO_annos": "damage", "COCO_mul_annos": "parts"}, id="COCO files"),
        pytest.param(
            ("damage_type", "damage"), ("damage", "type"), {"damage_type": "type", "damage": "damage"}, id="whole first"
        ),
        pytest.param(
            ("annos_a", "annos_b"), ("annos", "b"), {"annos_a": "annos", "annos_b": "b"}, id="word of several"
        ),
        pytest.param(TWO, ("parts", "parts"), {"damage": "parts", "parts": "parts"}, id="one task for both"),
        pytest.param(("objects",), ("parts",), {"objects": "parts"}, id="a single layer"),
        pytest.param(TWO, (), {"damage": "damage", "parts": "parts"}, id="no task named"),
    ],
)
def test_tasks_and_layers(layers: tuple[str, ...], tasks: tuple[str, ...], expected: dict[str, str]) -> None:
    assert pairs(layers, tasks) == expected


def test_what_is_named_on_both_sides_belongs_together_as_it_stands() -> None:
    assert pairs(TWO, ("damage", "old"), ("parts", "damage")) == {"parts": "damage", "damage": "old"}


@pytest.mark.parametrize(
    ("layers", "tasks", "wanted", "message"),
    [
        pytest.param(
            BDD,
            ("lane", "area", "cars"),
            (),
            r"by name lane fits lane, which leaves the others open\. .*layer=vehicles,",
            id="rest",
        ),
        pytest.param(BDD, ("lane", "area"), (), r"has 3 layers \(vehicles, drivable, lane\); by name lane", id="fewer"),
        pytest.param(
            BDD,
            ("a", "b"),
            (),
            r"has 3 layers .*Give a task for each layer .*same order",
            id="none fits",
        ),
        pytest.param(TWO, ("parts", "damage", "x"), (), r"has 2 layers", id="more tasks than layers"),
        pytest.param(BDD, ("lane",), ("lane", "drivable"), r"has 2 layers \(lane, drivable\)", id="layers named"),
        pytest.param(TWO, ("parts",), ("part",), r"no such layer. Did you mean 'parts'", id="unknown layer"),
    ],
)
def test_what_is_not_plain_is_refused(
    layers: tuple[str, ...], tasks: tuple[str, ...], wanted: tuple[str, ...], message: str
) -> None:
    with pytest.raises(AyolomError, match=message):
        pairs(layers, tasks, wanted)


class TestNote:
    note = Note(SOURCE, {"damage": NotedTask("detect", ("dent", "crack")), "parts": NotedTask("semantic", ("hood",))})

    def test_kinds_and_classes_without_an_object(self) -> None:
        layers = (
            Layer("damage", "detect", ("crack", "new")),
            Layer("parts", "detect", ("hood",)),
            Layer("x", "detect"),
        )
        found = noted_layers(layers, self.note, one_list=False)
        assert [(one.name, one.kind, one.names, one.whole) for one in found] == [
            ("damage", "detect", ("dent", "crack", "new"), layers[0]),
            ("parts", "semantic", ("hood",), layers[1]),
            ("x", "detect", (), None),
        ]

    def test_names_of_class_maps_are_positions_and_stay(self) -> None:
        layers = (Layer("parts", "semantic", ("background", "hood")),)
        assert noted_layers(layers, self.note, one_list=False) == layers

    def test_one_list_is_parted_and_a_single_task_gives_its_name(self) -> None:
        whole = Layer("objects", "semantic", ("dent", "hood"))
        found = noted_layers((whole,), self.note, one_list=True)
        assert [(one.name, one.kind, one.whole) for one in found] == [
            ("damage", "detect", whole),
            ("parts", "semantic", whole),
        ]
        single = Note(SOURCE, {"damage": self.note.tasks["damage"]})
        (only,) = noted_layers((whole,), single, one_list=True)
        assert (only.name, only.kind, only.names) == ("damage", "detect", ("dent", "crack", "hood"))

    def test_without_a_note_nothing_changes(self) -> None:
        layers = (Layer("objects", "detect"),)
        assert noted_layers(layers, None, one_list=True) is layers


class TestSummary:
    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        for file, name in (("damage_train.json", "dent"), ("parts_train.json", "hood"), ("rust_train.json", "rust")):
            coco(tmp_path / "one", {"a.png": [annotation(name)]}, file)
        return tmp_path / "one"

    def test_tells_which_layer_became_which_task(self, source: Path, tmp_path: Path) -> None:
        summary = import_dataset(source, tmp_path / "out", tasks=["rust", "parts", "dents"])
        told = "Layers:\n  damage  is dents, as the one left\n  parts   is parts, by name\n  rust    is rust, by name\n"
        assert told in summary.text()
        names = {name: list(task["names"].values()) for name, task in description(tmp_path / "out")["tasks"].items()}
        assert names == {"dents": ["dent"], "parts": ["hood"], "rust": ["rust"]}

    def test_tells_what_is_not_read(self, source: Path, tmp_path: Path) -> None:
        text = import_dataset(source, tmp_path / "out", tasks=["rust"], dry_run=True).text()
        assert "  rust    is rust, by name\n" in text
        assert "  parts   is not read; layer=parts takes it\n" in text

    def test_is_silent_where_nothing_was_chosen(self, source: Path, tmp_path: Path) -> None:
        assert "Layers:" not in import_dataset(source, tmp_path / "out", dry_run=True).text()
        single = source / "damage_train.json"
        assert "Layers:" not in import_dataset(single, tmp_path / "out", tasks=["x"], dry_run=True).text()
