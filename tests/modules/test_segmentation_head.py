"""The mask head: its size against the published one, its shapes, and that it folds and exports."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from ultralytics.nn.modules import SemanticSegment
from ultralytics.nn.tasks import BaseModel

from ayolom.errors import AyolomError
from ayolom.modules import SegmentationHead
from ayolom.modules.segmentation_head import head_width


def size(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


# The published head, counted by hand: kernels, then biases or scale and shift of the batch normalisation.
def published(channels: int, nc: int) -> int:
    conv1 = channels * 32 * 9 + 2 * 32
    transposed = 32 * 16 * 4 + 16
    conv2 = 16 * 8 * 9 + 2 * 8
    last = 8 * (nc + 1) + 2 * (nc + 1)  # with background; no bias, a batch normalisation instead
    return conv1 + transposed + conv2 + last


UNUSED_DFL = 16  # the published head derives from the base's Detect and keeps its DFL kernel, which nothing reads


def test_published_arithmetic():
    """The paper's ablation gives 15,880 parameters: the n model's two heads of one class each, 16 channels in."""
    assert published(channels=16, nc=1) == 4672 + 2064 + 1168 + 20 == 7924
    assert 2 * (published(channels=16, nc=1) + UNUSED_DFL) == 15880


@pytest.mark.parametrize(("channels", "total"), [(16, 7924), (32, 12532)], ids=["n", "s"])
def test_size_of_the_published_head(channels, total):
    """One class and background: the last layer has a bias (2) where the published one has scale and shift (4)."""
    head = SegmentationHead(2, [channels], stride_in=2, stride=1)
    assert published(channels, 1) == total
    assert size(head) == total - 2
    single = SegmentationHead(1, [channels], stride_in=2, stride=1)
    assert size(single) == total - 20 + 8 + 1


@pytest.mark.parametrize(("nc", "width"), [(1, 32), (2, 32), (10, 32), (11, 64), (20, 64), (21, 96), (33, 128)])
def test_width_grows_with_the_classes(nc, width):
    assert head_width(nc) == width
    head = SegmentationHead(nc, [16], 2, 1)
    assert [m.out_channels for m in head.modules() if hasattr(m, "out_channels")] == [width, width // 2, width // 4, nc]


@pytest.mark.parametrize(
    ("stride_in", "stride"),
    [(2, 1), (4, 1), (8, 1), (16, 1), (2, 2), (4, 2), (8, 2), (4, 4), (8, 4), (32, 4), (8, 8), (16, 8)],
)
@pytest.mark.parametrize("nc", [1, 2, 5, 21])
def test_output_shape(stride_in, stride, nc):
    head = SegmentationHead(nc, [12], stride_in, stride)
    head.set_strides([stride_in])
    x = torch.randn(2, 12, 64 // stride_in, 96 // stride_in)
    for mode in (True, False):
        assert head.train(mode)([x]).shape == (2, nc, 64 // stride, 96 // stride)
    assert head.stride.tolist() == [stride_in]
    assert (head.nc, head.output_stride, head.export, head.format) == (nc, stride, False, None)


def test_each_doubling_is_twice_as_wide_as_the_next():
    head = SegmentationHead(2, [24], 8, 1)
    transposed = [m for m in head.modules() if isinstance(m, torch.nn.ConvTranspose2d)]
    assert [(m.in_channels, m.out_channels) for m in transposed] == [(128, 64), (64, 32), (32, 16)]
    assert head.classifier[-1].in_channels == 8


def test_hidden_width_by_argument():
    head = SegmentationHead(30, [16], 2, 1, hidden=40)
    assert head.classifier[-1].in_channels == 10


@pytest.mark.parametrize(("stride", "classes"), [(8, 5), (4, 5), (1, 30)], ids=["plain", "one stage", "three stages"])
def test_a_separable_head_saves_the_operations_of_the_first_kernel_alone(stride, classes):
    """By hand: 9 c w products at each cell of the input become 9 c + c w; all layers after it stay as they are."""
    channels, cells = 48, 16 * 24
    dense, separable = (SegmentationHead(classes, [channels], 8, stride, separable=s).eval() for s in (False, True))
    width = dense.classifier[0].conv.out_channels
    x = [torch.randn(1, channels, 16, 24)]
    operations = []
    for head in (dense, separable):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            assert head(x).shape == (1, classes, 128 // stride, 192 // stride)
        operations.append(counter.get_total_flops() // 2)
    assert operations[0] - operations[1] == cells * (9 * channels * width - 9 * channels - channels * width)
    assert [type(m) for m in separable.classifier[2:]] == [type(m) for m in dense.classifier[1:]]


def test_same_stride_has_the_layers_of_the_base():
    """Weights of the base's head load by key and give the same logits."""
    base, ours = SemanticSegment(7, [16, 32]), SegmentationHead(7, [16, 32], 8, 8, auxiliary=True)
    ours.load_state_dict(base.state_dict())
    x = [torch.randn(1, 16, 8, 8), torch.randn(1, 32, 4, 4)]
    for mode in (True, False):
        torch.testing.assert_close(ours.train(mode)(x), base.train(mode)(x))


def test_auxiliary_classifier_is_for_training_alone():
    head = SegmentationHead(5, [16, 24], 4, 2, auxiliary=True)
    x = [torch.randn(2, 16, 16, 16), torch.randn(2, 24, 8, 8)]
    main, auxiliary = head.train()(x)
    assert main.shape == (2, 5, 32, 32)
    assert auxiliary.shape == (2, 5, 8, 8)
    before = head.eval()(x)
    head.strip()
    assert torch.equal(head(x), before)
    assert isinstance(head.train()(x), torch.Tensor)
    assert not any(key.startswith("aux_head") for key in head.state_dict())


def test_second_input_without_auxiliary_is_not_read():
    head = SegmentationHead(5, [16, 24], 4, 2).eval()
    x = torch.randn(1, 16, 8, 8)
    assert torch.equal(head([x, None]), head([x]))
    assert head.aux_head is None


@pytest.mark.parametrize(("stride_in", "stride"), [(2, 1), (8, 2), (8, 8)])
def test_the_base_folds_its_normalisation(stride_in, stride):
    class Model(BaseModel):
        def __init__(self, head):
            super().__init__()
            self.model = torch.nn.Sequential(head)

        def info(self, *args, **kwargs):
            pass

    head, x = SegmentationHead(3, [16, 8], stride_in, stride, auxiliary=True), torch.randn(2, 16, 8, 8)
    for module in head.modules():  # statistics as after training, not the neutral ones of a new layer
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_var, 0.5, 2.0)
            torch.nn.init.normal_(module.running_mean)
    before = head.eval()([x])
    fused = Model(copy.deepcopy(head)).eval().fuse(verbose=False)
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in fused.modules())
    torch.testing.assert_close(fused.model[0]([x]), before, atol=1e-5, rtol=1e-4)


def test_bf16_channels_last_trace_and_gradient():
    head = SegmentationHead(3, [16], 4, 1).to(memory_format=torch.channels_last)
    x = torch.randn(2, 16, 8, 8).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16):
        head([x]).float().square().mean().backward()
    assert all(torch.isfinite(p.grad).all() and p.grad.any() for p in head.parameters())
    head.eval()
    exported = torch.export.export(head, ([x],)).module()
    torch.testing.assert_close(exported([x]), head([x]), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param({"nc": 0}, "at least one class", id="no class"),
        pytest.param({"stride": 3}, "output stride must be one of 1, 2, 4, 8", id="odd stride"),
        pytest.param({"stride": 16, "stride_in": 16}, "output stride must be one of", id="stride too coarse"),
        pytest.param({"stride": 8, "stride_in": 4}, "input stride must be the output stride 8 times", id="downwards"),
        pytest.param({"stride_in": 6}, "times 1, 2, 4", id="ratio is no power of two"),
        pytest.param({"channels": []}, r"needs 1 input\(s\)", id="no input"),
        pytest.param({"auxiliary": True}, r"needs 2 input\(s\) with an auxiliary", id="auxiliary without its input"),
        pytest.param({"hidden": 30}, "multiple of 4", id="odd width"),
    ],
)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(AyolomError, match=message):
        SegmentationHead(**{"nc": 2, "channels": [16], "stride_in": 2, "stride": 1, **arguments})


def test_input_of_another_stride_is_refused():
    with pytest.raises(AyolomError, match="made for an input of stride 4, but the row it reads has stride 8"):
        SegmentationHead(2, [16], 4, 2).set_strides([8.0])
