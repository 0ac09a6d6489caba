"""The import: union by content, class lists, what is put aside, and what a data set looks like afterwards."""

from __future__ import annotations

import csv
import json
import os
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ayolom.data.convert import import_dataset
from ayolom.data.entries import entries, images_of, tasks_of
from ayolom.data.schema import load_schema
from ayolom.errors import AyolomError

SPEC = spec_from_file_location("import_inputs", Path(__file__).with_name("import_inputs.py"))
inputs = module_from_spec(SPEC)
SPEC.loader.exec_module(inputs)
OTHER, SHAPE, SQUARE = inputs.OTHER, inputs.SHAPE, inputs.SQUARE
annotation, coco, picture = inputs.annotation, inputs.coco, inputs.picture
description, files, pixels, rows = inputs.description, inputs.files, inputs.pixels, inputs.rows


def labelled(root: Path) -> dict[str, tuple[str, ...]]:
    """By image, the tasks that training finds labels for; every label must be sound."""
    schema = load_schema(root / "data.yaml")
    found = {}
    for entry in entries(images_of(schema), tasks_of(schema), schema.root):
        assert not entry.found.broken
        found[Path(entry.image_file).relative_to(root).as_posix()] = tuple(entry.found.labels)
    return found


def problems(root: Path, name: str) -> list[dict[str, str]]:
    with (root / "imports" / name / "problems.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


class TestUnion:
    def test_one_image_gets_two_tasks_and_others_stay_partial(self, tmp_path: Path) -> None:
        out = tmp_path / "out"
        coco(tmp_path / "one", {"a.png": [annotation("dent")], "b.png": []})
        coco(tmp_path / "two", {"other-name.png": [annotation("hood", OTHER)], "c.png": []}, seed=0)
        picture(tmp_path / "two" / "c.png", 9)
        first = import_dataset(tmp_path / "one", out, tasks=["damage"])
        second = import_dataset(tmp_path / "two", out, tasks=["parts"], kind="semantic")
        assert (dict(first.images), first.known) == ({"train": 2}, 0)
        assert (dict(second.images), second.known) == ({"train": 1}, 1)
        assert labelled(out) == {
            "images/one/train/a.png": ("damage", "parts"),
            "images/one/train/b.png": ("damage",),
            "images/two/train/c.png": ("parts",),
        }
        assert rows(out, "labels/one/train/a.txt") == [[0, 0.2, 0.375, 0.2, 0.25]]
        assert (out / "labels/one/train/b.txt").read_text() == ""
        assert pixels(out, "masks/one/train/a.png") == {0: 8000 - 600, 1: 600}
        assert description(out) == {
            "train": ["images/one/train", "images/two/train"],
            "tasks": {
                "damage": {"kind": "detect", "labels": "labels", "names": {0: "dent"}},
                "parts": {"kind": "semantic", "masks": "masks", "names": {0: "background", 1: "hood"}},
            },
        }

    def test_same_task_twice_keeps_the_first_and_tells_of_the_others(self, tmp_path: Path) -> None:
        out = tmp_path / "out"
        coco(tmp_path / "one", {"a.png": [annotation("dent")], "b.png": [annotation("dent")]})
        coco(tmp_path / "two", {"a.png": [annotation("dent")], "b.png": [annotation("dent", OTHER)]})
        import_dataset(tmp_path / "one", out, tasks=["damage"])
        before = files(out)
        summary = import_dataset(tmp_path / "two", out, tasks=["damage"])
        assert summary.tasks["damage"].results == {"identical": 1, "conflict": 1}
        assert not summary.images
        after = files(out)
        assert {path: after[path] for path in before} == before
        assert [row["image"] for row in problems(out, "two") if row["lost"] == "yes"] == ["b.png"]

    def test_the_same_source_again_changes_nothing(self, tmp_path: Path) -> None:
        source = coco(tmp_path / "one", {"a.png": [annotation("dent")]})
        import_dataset(source, tmp_path / "out", tasks=["damage"])
        before = files(tmp_path / "out")
        summary = import_dataset(source, tmp_path / "out", tasks=["damage"])
        assert not summary.written
        assert files(tmp_path / "out") == before

    def test_copies_within_one_source_are_one_image(self, tmp_path: Path) -> None:
        coco(tmp_path / "one", {"a.png": [annotation("dent")], "b.png": [annotation("dent", OTHER)]})
        (tmp_path / "one" / "b.png").write_bytes((tmp_path / "one" / "a.png").read_bytes())
        summary = import_dataset(tmp_path / "one", tmp_path / "out", tasks=["damage"])
        assert summary.tasks["damage"].results == {"labelled": 1, "conflict": 1}
        assert labelled(tmp_path / "out") == {"images/one/train/a.png": ("damage",)}

    def test_image_found_after_the_index_is_lost_or_images_changed(self, tmp_path: Path) -> None:
        out = tmp_path / "out"
        source = coco(tmp_path / "one", {"a.png": [annotation("dent")], "b.png": []})
        import_dataset(source, out, tasks=["damage"])
        (out / ".ayolom" / "images.sqlite").write_bytes(b"damaged, not a database" * 99)
        (out / "images/one/train/b.png").unlink()
        summary = import_dataset(source, out, tasks=["rust"])
        assert summary.known == 1
        assert labelled(out)["images/one/train/a.png"] == ("damage", "rust")

    def test_every_kind_of_image_that_is_taken_in_is_found_again(self, tmp_path: Path) -> None:
        source = coco(tmp_path / "one", {"a.jp2": [annotation("dent")]})
        for task in ("damage", "rust"):
            import_dataset(source, tmp_path / "out", tasks=[task])
        assert labelled(tmp_path / "out") == {"images/one/train/a.jp2": ("damage", "rust")}

    def test_classes_are_appended_and_ids_stay(self, tmp_path: Path) -> None:
        out = tmp_path / "out"
        coco(tmp_path / "one", {"a.png": [annotation("dent"), annotation("rust", OTHER)]})
        coco(tmp_path / "two", {"b.png": [annotation("crack"), annotation("rust", OTHER)]}, seed=5)
        for name in ("one", "two"):
            import_dataset(tmp_path / name, out, tasks=["damage"])
        assert description(out)["tasks"]["damage"]["names"] == {0: "dent", 1: "rust", 2: "crack"}
        assert [row[0] for row in rows(out, "labels/two/train/b.txt")] == [2, 1]

    def test_further_tasks_get_folders_of_their_own(self, tmp_path: Path) -> None:
        out = tmp_path / "out"
        source = coco(tmp_path / "one", {"a.png": [annotation("dent")]})
        for task, kind in (("a", "detect"), ("b", "detect"), ("c", "semantic"), ("d", "semantic")):
            import_dataset(source, out, tasks=[task], kind=kind)
        folders = {name: task.get("labels") or task["masks"] for name, task in description(out)["tasks"].items()}
        assert folders == {"a": "labels", "b": "labels-b", "c": "masks", "d": "masks-d"}
        assert labelled(out) == {"images/one/train/a.png": ("a", "b", "c", "d")}

    @pytest.mark.parametrize("kind", ["detect", "semantic"])
    def test_tasks_that_begin_in_one_import_get_folders_of_their_own(self, tmp_path: Path, kind: Any) -> None:
        source = tmp_path / "one"
        for file, names in (("d_train.json", ["dent"]), ("p_train.json", ["hood", "door"])):
            coco(source, {"a.png": [annotation(name) for name in names]}, file)
        import_dataset(source, tmp_path / "out", tasks=["damage", "parts"], kind=kind)
        tasks = description(tmp_path / "out")["tasks"]
        assert len({task.get("labels") or task["masks"] for task in tasks.values()}) == 2
        for name, classes in (("damage", {"dent"}), ("parts", {"hood", "door"})):
            names = tasks[name]["names"]
            if kind == "detect":
                ids = {row[0] for row in rows(tmp_path / "out", f"{tasks[name]['labels']}/one/train/a.txt")}
            else:
                ids = set(pixels(tmp_path / "out", f"{tasks[name]['masks']}/one/train/a.png"))
            assert {names[i] for i in ids} - {"background"} <= classes, name
            assert set(names.values()) - {"background"} == classes, name

    def test_names_that_differ_in_suffix_or_folder_do_not_share_a_label(self, tmp_path: Path) -> None:
        coco(tmp_path / "one", {"a.png": [], "a.bmp": [], "x/A.png": [annotation("dent")], "x__a.png": []})
        import_dataset(tmp_path / "one", tmp_path / "out", tasks=["damage"])
        stems = [Path(path).stem.lower() for path in labelled(tmp_path / "out")]
        assert len(stems) == len(set(stems)) == 4


class TestMap:
    def test_rename_merge_drop_and_ignore(self, tmp_path: Path) -> None:
        shapes = [[x, 10, x + 10, 10, x + 10, 20, x, 20] for x in (0, 20, 40, 60)]
        objects = [annotation(name, shape) for name, shape in zip("abcd", shapes, strict=True)]
        coco(tmp_path / "one", {"a.png": objects})
        classes = {"a": "door", "b": "door", "c": None, "d": "ignore"}
        import_dataset(tmp_path / "one", tmp_path / "out", tasks=["parts"], kind="semantic", classes=classes)
        assert pixels(tmp_path / "out", "masks/one/train/a.png") == {0: 8000 - 300, 1: 200, 255: 100}
        summary = import_dataset(tmp_path / "one", tmp_path / "out", tasks=["damage"], classes=classes)
        assert dict(summary.tasks["damage"].objects) == {"door": 2}
        told = [f"class '{name}' is {fate} by the map" for name, fate in (("c", "dropped"), ("d", "ignored"))]
        assert dict(summary.report.notes) == dict.fromkeys(told, 1)

    def test_one_object_of_several_outlines_is_told_where_it_becomes_one_box(self, tmp_path: Path) -> None:
        wheels = annotation("wheel", [10, 10, 20, 10, 20, 20, 10, 20])
        wheels["segmentation"] += [[60, 10, 70, 10, 70, 20, 60, 20]]
        coco(tmp_path / "one", {"a.png": [wheels]})
        told = {"'wheel' of several outlines (one box round them all)": 1}
        summary = import_dataset(tmp_path / "one", tmp_path / "out", tasks=["parts"], kind="detect")
        assert told.items() <= dict(summary.report.notes).items()
        summary = import_dataset(tmp_path / "one", tmp_path / "out", tasks=["masks"], kind="semantic")
        assert not told.items() & dict(summary.report.notes).items()
        assert not summary.report.counts

    def test_unknown_class_costs_boxes_the_label_and_masks_the_region(self, tmp_path: Path) -> None:
        source = coco(
            tmp_path / "one", {"a.png": [annotation("dent"), annotation("odd", OTHER)], "b.png": [annotation("dent")]}
        )
        classes = {"dent": "dent"}
        boxes = import_dataset(source, tmp_path / "boxes", tasks=["damage"], classes=classes)
        assert labelled(tmp_path / "boxes") == {"images/one/train/b.png": ("damage",)}
        assert boxes.report.counts == {"class 'odd' is not in the map": 1}
        row = problems(tmp_path / "boxes", "one")[0]
        assert (row["file"], row["where"], row["image"]) == (str(source), "annotations[1]", "a.png")
        import_dataset(source, tmp_path / "masks", tasks=["parts"], kind="semantic", classes=classes)
        assert pixels(tmp_path / "masks", "masks/one/train/a.png") == {0: 7000, 1: 400, 255: 600}

    def test_map_that_is_no_mapping_of_names(self, tmp_path: Path) -> None:
        coco(tmp_path / "one", {"a.png": [annotation("dent")]})
        (tmp_path / "map.yaml").write_text("dent: [a, b]\n")
        with pytest.raises(AyolomError, match=r"map\.yaml: 'dent: .* must be `source name: target name`"):
            import_dataset(tmp_path / "one", tmp_path / "out", classes=tmp_path / "map.yaml")


class TestClassMaps:
    @staticmethod
    def masks(folder: Path, values: np.ndarray) -> Path:
        """A folder with one image and its mask."""
        picture(folder / "images" / "a.png", 7)
        (folder / "masks").mkdir()
        Image.fromarray(values).save(folder / "masks" / "a.png")
        return folder

    def test_values_become_the_ids_of_the_task_that_is_there(self, tmp_path: Path) -> None:
        coco(tmp_path / "one", {"a.png": [annotation("door")]})
        import_dataset(tmp_path / "one", tmp_path / "out", tasks=["parts"], kind="semantic")
        values = np.zeros(SHAPE, np.uint8)
        values[:10], values[10:30], values[30:35], values[35:40] = 1, 2, 3, 9
        source = self.masks(tmp_path / "two", values)
        names = ("hood", "background", "door", "wheel")
        summary = import_dataset(source, tmp_path / "out", tasks=["parts"], names=names)
        assert description(tmp_path / "out")["tasks"]["parts"]["names"] == {
            0: "background",
            1: "door",
            2: "hood",
            3: "wheel",
        }
        expected = {0: 1000, 1: 2000, 3: 500, 255: 500, 2: 4000}
        assert pixels(tmp_path / "out", "masks/two/train/a.png") == expected
        assert summary.report.counts == {"mask value without a class (teaches nothing)": 1}

    def test_without_a_background_of_its_own_none_is_added(self, tmp_path: Path) -> None:
        source = self.masks(tmp_path / "one", np.repeat(np.arange(2, dtype=np.uint8), 4000).reshape(SHAPE))
        import_dataset(source, tmp_path / "out", tasks=["scene"], names=("road", "sky"))
        assert description(tmp_path / "out")["tasks"]["scene"]["names"] == {0: "road", 1: "sky"}

    def test_map(self, tmp_path: Path) -> None:
        values = np.zeros(SHAPE, np.uint8)
        values[:10], values[10:20], values[20:30] = 1, 2, 3
        source = self.masks(tmp_path / "one", values)
        names = ("background", "hood", "wheel", "odd", "door")
        classes = {"background": "background", "hood": None, "wheel": "ignore"}
        with pytest.raises(AyolomError, match="no class was found"):
            import_dataset(source, tmp_path / "out", tasks=["p"], names=names, classes=classes)
        classes["door"] = "door"
        summary = import_dataset(source, tmp_path / "out", tasks=["p"], names=names, classes=classes)
        assert pixels(tmp_path / "out", "masks/one/train/a.png") == {0: 6000, 255: 2000}
        assert summary.report.counts == {"class 'odd' is not in the map": 1}


class TestPutAside:
    @pytest.mark.parametrize(
        ("polygon", "kind", "kept"),
        [
            pytest.param([-2, 20, 30, 20, 30, 40, -2, 40], "reaches a little outside the image (cut)", 1, id="2 px"),
            pytest.param([-9, 20, 30, 20, 30, 40, -9, 40], "coordinates outside the image", 0, id="9 px"),
            pytest.param([200, 20, 300, 20, 300, 40], "coordinates outside the image", 0, id="elsewhere"),
        ],
    )
    def test_coordinates_outside(self, tmp_path: Path, polygon: list[float], kind: str, kept: int) -> None:
        coco(tmp_path / "one", {"a.png": [annotation("dent", polygon)], "b.png": [annotation("dent")]})
        summary = import_dataset(tmp_path / "one", tmp_path / "out", tasks=["damage"])
        assert len(labelled(tmp_path / "out")) == 1 + kept
        assert {**summary.report.counts, **summary.report.notes}[kind] == 1
        if kept:
            assert rows(tmp_path / "out", "labels/one/train/a.txt") == [[0, 0.15, 0.375, 0.3, 0.25]]

    @pytest.mark.parametrize(
        ("spoil", "kind"),
        [
            pytest.param(lambda file: file.unlink(), "image missing", id="missing"),
            pytest.param(lambda file: file.write_bytes(b""), "image unreadable", id="empty file"),
            pytest.param(lambda file: file.write_bytes(b"no picture"), "image unreadable", id="no picture"),
            pytest.param(lambda file: picture(file, 3, (40, 50)), "image of another size than its labels", id="size"),
        ],
    )
    def test_bad_image_beside_a_good_one(self, tmp_path: Path, spoil: Any, kind: str) -> None:
        coco(tmp_path / "one", {"a.png": [annotation("dent")], "b.png": [annotation("dent")]})
        spoil(tmp_path / "one" / "a.png")
        summary = import_dataset(tmp_path / "one", tmp_path / "out", tasks=["damage"])
        assert summary.report.counts == {kind: 1}
        assert labelled(tmp_path / "out") == {"images/one/train/b.png": ("damage",)}
        assert problems(tmp_path / "out", "one")[0]["file"].endswith("a.png")

    def test_crowd_teaches_nothing_in_masks_and_is_left_out_of_boxes(self, tmp_path: Path) -> None:
        objects = [annotation("dent"), annotation("dent", OTHER, iscrowd=1)]
        coco(tmp_path / "one", {"a.png": objects})
        boxes = import_dataset(tmp_path / "one", tmp_path / "boxes", tasks=["damage"])
        assert len(rows(tmp_path / "boxes", "labels/one/train/a.txt")) == 1
        assert sum(boxes.report.notes.values()) == 1
        import_dataset(tmp_path / "one", tmp_path / "masks", tasks=["parts"], kind="semantic")
        assert pixels(tmp_path / "masks", "masks/one/train/a.png") == {0: 7000, 1: 400, 255: 600}

    def test_strict_and_nothing_usable_write_nothing(self, tmp_path: Path) -> None:
        coco(tmp_path / "one", {"a.png": [annotation("dent")], "b.png": [annotation("odd")]})
        classes = {"dent": "dent"}
        with pytest.raises(AyolomError, match=r"strict=True .*\n  1 x class 'odd' is not in the map"):
            import_dataset(tmp_path / "one", tmp_path / "out", tasks=["damage"], classes=classes, strict=True)
        with pytest.raises(AyolomError, match="nothing of it can be used"):
            import_dataset(tmp_path / "one", tmp_path / "out", tasks=["damage"], classes={"x": "y"})
        assert not (tmp_path / "out").exists()

    def test_name_from_a_source_stays_in_its_folder(self, tmp_path: Path) -> None:
        picture(tmp_path / "secret.png", 1)
        source = coco(tmp_path / "data" / "one", {"a.png": [annotation("dent")]})
        content = json.loads(source.read_text())
        content["images"].append({"id": 7, "file_name": "../../secret.png", "height": SHAPE[0], "width": SHAPE[1]})
        source.write_text(json.dumps(content))
        summary = import_dataset(source, tmp_path / "out", tasks=["damage"])
        assert summary.report.counts == {"image missing": 1}


class TestPlacesAndRecords:
    @pytest.mark.parametrize("place", ["copy", "link", "move"])
    def test_place(self, tmp_path: Path, place: Any) -> None:
        source = coco(tmp_path / "one", {"a.png": [annotation("dent")], "b.png": [annotation("dent")]})
        classes = source.read_bytes()
        before = (tmp_path / "one" / "a.png").read_bytes()
        import_dataset(source, tmp_path / "out", tasks=["damage"], place=place)
        image = tmp_path / "out/images/one/train/a.png"
        assert image.read_bytes() == before
        assert image.is_symlink() == (place == "link")
        assert (tmp_path / "one" / "a.png").exists() == (place != "move")
        assert source.read_bytes() == classes
        assert len(labelled(tmp_path / "out")) == 2

    @pytest.mark.parametrize(
        ("split", "images"), [("keep", {"val": 1, "train": 1}), ("test", {"test": 2})], ids=["keep", "test"]
    )
    def test_split(self, tmp_path: Path, split: Any, images: dict[str, int]) -> None:
        coco(tmp_path / "one", {"a.png": [annotation("dent")]}, "instances_val2017.json")
        coco(tmp_path / "one", {"b.png": [annotation("dent")]}, "instances_train2017.json", seed=4)
        summary = import_dataset(tmp_path / "one", tmp_path / "out", tasks=["damage"], split=split)
        assert dict(summary.images) == images

    def test_record_names_source_hash_and_result(self, tmp_path: Path) -> None:
        import hashlib

        source = coco(tmp_path / "one", {"a.png": [annotation("dent")]})
        import_dataset(source, tmp_path / "out", tasks=["damage"], prefix="mine")
        record = json.loads((tmp_path / "out/imports/mine/import.json").read_text(encoding="utf-8"))
        assert record["source"] == str(source)
        assert record["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
        assert record["tasks"]["damage"]["objects"] == {"dent": 1}
        with (tmp_path / "out/imports/mine/images.csv").open(encoding="utf-8", newline="") as stream:
            row = next(csv.DictReader(stream))
        assert row["sha256"] == hashlib.sha256((tmp_path / "one/a.png").read_bytes()).hexdigest()
        assert (row["task"], row["result"]) == ("damage", "labelled")

    def test_dry_run_tells_the_same_and_writes_nothing(self, tmp_path: Path) -> None:
        source = coco(tmp_path / "one", {"a.png": [annotation("dent")], "b.png": []})
        dry = import_dataset(source, tmp_path / "out", tasks=["damage"], dry_run=True)
        assert not (tmp_path / "out").exists()
        real = import_dataset(source, tmp_path / "out", tasks=["damage"])
        assert (dry.images, dry.tasks) == (real.images, real.tasks)
        before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
        import_dataset(source, tmp_path / "out", tasks=["rust"], dry_run=True)
        assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"tasks": ["a", "b"]}, r"has 1 layer .*Give a task for each"),
            ({"layers": ["masks"]}, r"has no such layer"),
            ({"format": "cocoo"}, r"no such format\. Did you mean 'coco'"),
            ({"tasks": ["damage"], "kind": "semantic", "store": "boxes"}, r"store=boxes: kind semantic stores masks"),
            ({"tasks": ["1 a"]}, r"task=1 a: a task's name"),
        ],
        ids=["two tasks", "layer", "format", "store", "task name"],
    )
    def test_arguments_that_do_not_fit(self, tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
        source = coco(tmp_path / "one", {"a.png": [annotation("dent")]})
        with pytest.raises(AyolomError, match=message):
            import_dataset(source, tmp_path / "out", **arguments)
        assert not (tmp_path / "out").exists()

    def test_places_that_do_not_fit(self, tmp_path: Path) -> None:
        source = coco(tmp_path / "one", {"a.png": [annotation("dent")]})
        with pytest.raises(AyolomError, match="lies in the source"):
            import_dataset(tmp_path, tmp_path / "out")
        with pytest.raises(AyolomError, match="no such file or folder"):
            import_dataset(tmp_path / "gone", tmp_path / "out")
        (tmp_path / "used").mkdir()
        (tmp_path / "used" / "mine.txt").write_text("mine")
        with pytest.raises(AyolomError, match="holds something else already"):
            import_dataset(source, tmp_path / "used")
        (tmp_path / "used" / "data.yaml").write_text("tasks: {}\n")
        with pytest.raises(AyolomError, match="was not made by"):
            import_dataset(source, tmp_path / "used")
        assert sorted(os.listdir(tmp_path / "used")) in (
            ["data.yaml", "mine.txt"],
            [".ayolom", "data.yaml", "mine.txt"],
        )

    def test_kind_of_a_task_that_is_there(self, tmp_path: Path) -> None:
        source = coco(tmp_path / "one", {"a.png": [annotation("dent")]})
        import_dataset(source, tmp_path / "out", tasks=["damage"])
        with pytest.raises(AyolomError, match="is of kind detect; give the import another task"):
            import_dataset(source, tmp_path / "out", tasks=["damage"], kind="semantic")


class TestAreas:
    """An object of at least 400 pixels keeps its area within 1 %, whatever it is stored as."""

    @staticmethod
    def star(points: int = 40) -> np.ndarray:
        """A wavy outline; its area follows from the shoelace formula."""
        angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
        radius = 16 + 5 * np.sin(5 * angle)
        return np.stack([50 + radius * np.cos(angle), 40 + radius * np.sin(angle)], 1)

    @staticmethod
    def shoelace(points: np.ndarray) -> float:
        x, y = points.T
        return abs(float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)))) / 2

    @pytest.mark.parametrize("shape", ["square", "star"])
    @pytest.mark.parametrize("store", ["masks", "polygons"])
    def test_polygon(self, tmp_path: Path, shape: str, store: Any) -> None:
        points = np.array(SQUARE, float).reshape(-1, 2) if shape == "square" else self.star()
        coco(tmp_path / "one", {"a.png": [annotation("dent", points.ravel().tolist())]})
        import_dataset(tmp_path / "one", tmp_path / "out", tasks=["parts"], kind="semantic", store=store)
        if store == "masks":
            area = pixels(tmp_path / "out", "masks/one/train/a.png")[1]
        else:
            row = rows(tmp_path / "out", "labels-parts/one/train/a.txt")[0]
            area = self.shoelace(np.array(row[1:]).reshape(-1, 2) * (100, 80))
        assert area == pytest.approx(self.shoelace(points), rel=0.01)

    def test_run_lengths_with_a_hole_as_polygons(self, tmp_path: Path) -> None:
        coco_mask = pytest.importorskip("pycocotools.mask")
        mask = np.zeros(SHAPE, np.uint8)
        mask[10:50, 20:70] = 1
        mask[20:30, 30:50] = 0
        code = coco_mask.encode(np.asfortranarray(mask))
        code["counts"] = code["counts"].decode()
        coco(tmp_path / "one", {"a.png": [{"name": "hood", "segmentation": code}]})
        import_dataset(tmp_path / "one", tmp_path / "out", tasks=["parts"], kind="semantic", store="polygons")
        row = rows(tmp_path / "out", "labels-parts/one/train/a.txt")[0]
        assert self.shoelace(np.array(row[1:]).reshape(-1, 2) * (100, 80)) == pytest.approx(mask.sum(), rel=0.01)
        assert labelled(tmp_path / "out") == {"images/one/train/a.png": ("parts",)}


class TestRealImages:
    @pytest.mark.shared_data
    def test_counts_are_those_of_their_description(self, tmp_path: Path, shared_data: Path) -> None:
        layers = {"COCO_annos": ("damage", "detect"), "COCO_mul_annos": ("parts", "semantic")}
        for layer, (task, kind) in layers.items():
            import_dataset(
                shared_data / "mlnuggets", tmp_path / "out", layers=[layer], tasks=[task], kind=kind, place="link"
            )
        summary = import_dataset(shared_data / "doha", tmp_path / "out", tasks=["damage"], place="link")
        assert dict(summary.tasks["damage"].objects) == {"damage": 139}
        records = [json.loads(file.read_text()) for file in sorted((tmp_path / "out").glob("imports/*/import.json"))]
        objects = [next(iter(record["tasks"].values()))["objects"] for record in records]
        assert objects[1] == {"damage": 132}
        assert objects[2] == {"headlamp": 57, "rear_bumper": 21, "door": 30, "hood": 25, "front_bumper": 28}
        tasks = list(labelled(tmp_path / "out").values())
        assert (tasks.count(("damage", "parts")), tasks.count(("damage",))) == (54, 78)


def test_masks_are_grey_png_of_the_image_size(tmp_path: Path) -> None:
    coco(tmp_path / "one", {"a.png": [annotation("dent")]})
    import_dataset(tmp_path / "one", tmp_path / "out", tasks=["parts"], kind="semantic")
    with Image.open(tmp_path / "out/masks/one/train/a.png") as mask:
        assert (mask.mode, mask.size) == ("L", (100, 80))
