"""Threads, precision and the tasks behind a wrapper: decisions with machines made up, and one training in bfloat16."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from ultralytics.utils.tal import TaskAlignedAssigner

from ayolom import YOLO
from ayolom.config import find_data_yaml, make_settings
from ayolom.data.synthetic import generate
from ayolom.engine import runtime

CPU, GPU, APPLE = torch.device("cpu"), torch.device("cuda:0"), torch.device("mps")


# Threads --------------------------------------------------------------------------------------------------------------
@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the numbers of threads that were set, without setting them."""
    numbers: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", numbers.append)
    return numbers


def test_the_network_gets_all_cores_that_the_process_may_use(threads, monkeypatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 5}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    runtime.use_threads(make_settings(), CPU)
    assert threads == [3]


@pytest.mark.parametrize(("count", "expected"), [(8, 8), (None, 1)])
def test_where_the_system_does_not_tell_all_cores_count(count, expected, threads, monkeypatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: count)
    runtime.use_threads(make_settings(), CPU)
    assert threads == [expected]


def test_the_setting_overrides_the_machine(threads) -> None:
    runtime.use_threads(make_settings({"threads": 7}), CPU)
    assert threads == [7]


@pytest.mark.parametrize("device", [GPU, APPLE], ids=str)
def test_other_devices_leave_threads_alone(device, threads) -> None:
    runtime.use_threads(make_settings({"threads": 7}), device)
    assert threads == []


# Precision on a CPU ---------------------------------------------------------------------------------------------------
PRECISIONS = [
    ("auto", True, torch.bfloat16),
    ("auto", False, None),
    ("bf16", False, torch.bfloat16),
    ("bf16", True, torch.bfloat16),
    ("fp32", True, None),
    ("fp32", False, None),
]


@pytest.mark.parametrize(("precision", "hardware", "expected"), PRECISIONS)
def test_type_of_the_layers_on_a_cpu(precision, hardware, expected, monkeypatch) -> None:
    monkeypatch.setattr(runtime, "has_bf16", lambda: hardware)
    assert runtime.cpu_dtype(make_settings({"precision": precision}), CPU) is expected


@pytest.mark.parametrize("device", [GPU, APPLE], ids=str)
def test_other_devices_follow_amp(device, monkeypatch) -> None:
    monkeypatch.setattr(runtime, "has_bf16", lambda: True)
    assert runtime.cpu_dtype(make_settings({"precision": "bf16"}), device) is None


QUESTIONS = ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_arm_bf16_supported")


@pytest.mark.parametrize("answered", [*QUESTIONS, None])
def test_any_of_the_instruction_sets_will_do(answered, monkeypatch) -> None:
    for name in QUESTIONS:
        monkeypatch.setattr(torch.cpu, name, lambda name=name: name == answered, raising=False)
    assert runtime.has_bf16() is (answered is not None)


def test_versions_of_pytorch_without_the_questions_have_no_bf16(monkeypatch) -> None:
    for name in QUESTIONS:
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert runtime.has_bf16() is False


# Precision on a GPU ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("hardware", "expected"), [(True, "bf16"), (False, False)])
def test_amp_on_a_gpu_is_bf16_where_it_has_it(hardware, expected, monkeypatch) -> None:
    """Never True, for which the base fetches a model to try it on."""
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation: hardware and not including_emulation
    )
    assert runtime.gpu_amp(True, GPU) == expected


@pytest.mark.parametrize("requested", [False, "bf16", "fp16", "fp32"])
def test_amp_that_was_chosen_is_kept(requested, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: pytest.fail("asked the GPU"))
    assert runtime.gpu_amp(requested, GPU) == requested


@pytest.mark.parametrize("device", [CPU, APPLE], ids=str)
@pytest.mark.parametrize("requested", [True, False])
def test_amp_of_other_devices_is_the_bases_business(requested, device) -> None:
    assert runtime.gpu_amp(requested, device) is requested


# Wrappers -------------------------------------------------------------------------------------------------------------
def test_native_looks_behind_the_bases_wrapper() -> None:
    network = torch.nn.Identity()
    network.heads = {}
    assert runtime.native(network) is network
    assert runtime.native(SimpleNamespace(model=network)) is network


# Training in bfloat16 -------------------------------------------------------------------------------------------------
PASSES = 3  # over the same weights, then a step


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A dataset YAML over 48 drawn training pictures: box losses of few boxes are chance."""
    generate(tmp_path / "cars", seed=3, train=48, val=4, size=(96, 128), video=False)
    content = yaml.safe_load(find_data_yaml("cardamage.yaml").read_text(encoding="utf-8"))
    unwanted = {"generate", "video"}
    content = {key: value for key, value in content.items() if key not in unwanted} | {"path": str(tmp_path / "cars")}
    (tmp_path / "cars.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return tmp_path / "cars.yaml"


def losses(data: Path, folder: Path, settings: dict, **more: object) -> list[dict[str, float]]:
    """Return the named losses of every pass of a training of six passes, with a step after every third."""
    passes: list[dict[str, float]] = []

    def note(trainer: object) -> None:
        passes.append({name: float(value) for name, value in trainer.loss_items.items()})
        assert trainer.model.compute_dtype is (torch.bfloat16 if more["precision"] == "bf16" else None)

    model = YOLO("aYOLOM26n.yaml")
    model.add_callback("on_train_batch_end", note)
    given = {
        "epochs": 2,
        "batch": 16,
        "nbs": 16 * PASSES,
        "optimizer": "AdamW",
        "lr0": 0.001,
        "warmup_epochs": 0.0,
        "threads": 1,
        "val": False,
    }
    model.train(data=str(data), project=str(folder), **{**settings, **given, **more})
    return passes


@pytest.mark.slow
def test_training_in_bfloat16_follows_training_in_float32(
    many: Path, tmp_path: Path, small: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same images, weights and steps; a number of bfloat16 is right to 0.4 %.

    Mask losses, means over thousands of pixels, stay within 3 % at every pass. Which cell is to find a box is a choice
    that a rounding can turn, and at first box losses hang on the few boxes that are hit at all: a pass over 16 images
    was met 27 % apart, and 22 % apart in float32 with noise of 0.3 % on what the layers give. So passes are put
    together: the first ones, over the same weights, agree to 3 %, and all of them to 5 %; over five seeds 2.3 % and
    1.7 % were the most, of either sign.
    """
    seen, assign = set(), TaskAlignedAssigner.forward

    def noted(self: TaskAlignedAssigner, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        seen.update(tensor.dtype for tensor in tensors if tensor.is_floating_point())
        return assign(self, *tensors)

    monkeypatch.setattr(TaskAlignedAssigner, "forward", noted)
    runs = {name: losses(many, tmp_path / name, small, precision=name) for name in ("fp32", "bf16")}
    assert seen == {torch.float32}, "losses are worked out in float32 whatever the layers run in"
    assert len(runs["fp32"]) == len(runs["bf16"]) == 2 * PASSES
    for name in runs["fp32"][0]:
        full, half = ([one[name] for one in runs[precision]] for precision in ("fp32", "bf16"))
        assert half != full, f"{name}: nothing was rounded"
        assert sum(half[:PASSES]) == pytest.approx(sum(full[:PASSES]), rel=0.03), f"{name}: first passes"
        assert sum(half) == pytest.approx(sum(full), rel=0.05), name
        if name.startswith("parts/"):
            assert half == pytest.approx(full, rel=0.03), name
