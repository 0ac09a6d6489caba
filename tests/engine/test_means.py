"""Ways to learn together in one run on partial labels, cut off and gone on with."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml

from ayolom import YOLO, AyolomError
from ayolom.data.task_sampling import TaskSampler
from ayolom.engine.checkpoint import read_checkpoint


@pytest.fixture
def partial(small_data: Path, tmp_path: Path) -> Path:
    """Return a dataset YAML of nine images labelled for damage and three for parts."""
    content = yaml.safe_load(small_data.read_text(encoding="utf-8"))
    source, root = Path(content["path"]), tmp_path / "partial"
    for folder, number in (("images", range(12)), ("labels", range(9)), ("masks", range(9, 12))):
        (root / folder / "train").mkdir(parents=True)
        files = sorted((source / folder / "train").iterdir())
        for i in number:
            (root / folder / "train" / files[i].name).symlink_to(files[i])
        (root / folder / "val").symlink_to(source / folder / "val")
    file = tmp_path / "partial.yaml"
    file.write_text(yaml.safe_dump({**content, "path": str(root)}), encoding="utf-8")
    return file


def test_a_run_with_famo_rates_and_sampling_goes_on_as_it_was(partial: Path, tmp_path: Path, small: dict) -> None:
    def stop(trainer: object) -> None:
        if trainer.epoch == 0:
            raise KeyboardInterrupt

    model = YOLO("aYOLOM26n.yaml")
    model.add_callback("on_fit_epoch_end", stop)
    settings = {"balance": "famo", "lr_scale": {"backbone": 0.1, "parts": 2.0}, "task_sampling": "equal", "nbs": 4}
    with pytest.raises(KeyboardInterrupt):
        model.train(data=str(partial), epochs=2, project=str(tmp_path), name="r", val=False, **settings, **small)
    last = tmp_path / "r" / "weights" / "last.pt"
    before = read_checkpoint(last)
    logits = before["model"]["balance.logits"]
    assert logits.abs().max() > 0  # a step was looked back at
    seen = {}

    def look(trainer: object) -> None:
        seen["logits"] = trainer.model.balance.logits.clone()
        seen["rates"] = [group["lr"] for group in trainer.optimizer.param_groups]
        sampler = trainer.train_loader.sampler
        seen["sampler"] = (isinstance(sampler, TaskSampler), sampler.epoch, len(sampler), sampler.shares)

    resumed = YOLO(last)
    resumed.add_callback("on_pretrain_routine_end", look)
    resumed.train(resume=True)
    assert torch.equal(seen["logits"], logits)
    assert seen["rates"] == [group["lr"] for group in before["optimizer"]["param_groups"]]
    assert len(set(seen["rates"])) > 2
    assert seen["sampler"] == (True, 1, 12, [0.5, 0.5])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        pytest.param({"stages": {0: "backbone"}}, "backbone has no loss of its own", id="stage without a task"),
        pytest.param({"balance": "upgrad", "compile": True}, "set compile=False", id="compiled and weighed"),
        pytest.param({"lr_scale": {"backbones": 2}}, "lr_scale=backbones: no such block", id="unknown part"),
    ],
)
def test_what_does_not_go_together_is_refused(
    given: dict, message: str, small_data: Path, tmp_path: Path, small: dict
) -> None:
    pytest.importorskip("torchjd")
    with pytest.raises(AyolomError, match=message):
        YOLO("aYOLOM26n.yaml").train(data=str(small_data), epochs=1, project=str(tmp_path), name="r", **given, **small)
