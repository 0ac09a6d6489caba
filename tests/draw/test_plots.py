"""The base's plots with names beyond ASCII, on a machine without a network."""

from __future__ import annotations

import socket
import warnings
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from ultralytics.utils import USER_CONFIG_DIR, downloads, plt_settings
from ultralytics.utils.checks import check_font
from ultralytics.utils.plotting import plot_images

from ayolom.draw import matplotlib_fonts, prepare_fonts
from ayolom.draw._plots import _stand_in


@pytest.fixture(autouse=True)
def asked(monkeypatch) -> list[str]:
    """Attempts to reach the network, all of which fail; Matplotlib's list of fonts is put back afterwards."""
    attempts: list[str] = []

    def refuse(*args, **_):
        attempts.append(str(args[-1]))
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(downloads, "safe_download", refuse)
    monkeypatch.setattr(fontManager, "ttflist", list(fontManager.ttflist))
    for cached in (_stand_in, check_font.__wrapped__):
        cached.cache_clear()
    yield attempts
    for cached in (_stand_in, check_font.__wrapped__):
        cached.cache_clear()


def batch(name: str) -> np.ndarray:
    """Return the base's picture of a batch with one box of a class of this name."""
    labels = {"cls": np.zeros(1), "batch_idx": np.zeros(1), "bboxes": np.array([[0.5, 0.5, 0.4, 0.4]], np.float32)}
    images = np.full((1, 3, 320, 320), 0.5, np.float32)
    return plot_images(labels, images, names={0: name}, save=False, threaded=False)


def test_the_test_would_notice_the_network(asked):
    assert check_font("Arial.Unicode.ttf") is None
    assert asked


def test_the_base_finds_its_font_files_without_the_network(asked, hangul_font):
    prepare_fonts(["앞문", "바퀴"])
    for name in ("Arial.ttf", "Arial.Unicode.ttf"):
        file = check_font(name)
        assert name in str(file)
    assert (hangul_font.stat().st_size, []) == (Path(file).stat().st_size, asked)


def test_nothing_is_written_into_the_bases_folder():
    before = sorted(USER_CONFIG_DIR.iterdir())
    prepare_fonts(["앞문"])
    assert sorted(USER_CONFIG_DIR.iterdir()) == before


def test_a_font_in_the_bases_folder_is_preferred(hangul_font):
    mine = USER_CONFIG_DIR / "Arial.Unicode.ttf"
    mine.write_bytes(hangul_font.read_bytes())
    try:
        prepare_fonts(["앞문"])
        assert check_font("Arial.Unicode.ttf") == mine
    finally:
        mine.unlink()


def test_pictures_of_batches_show_korean_names(asked, hangul_font):
    prepare_fonts(["앞", "문"])
    front, door = batch("앞"), batch("문")
    assert not np.array_equal(front, door), "not the same box for both"
    assert not asked


def test_names_in_ascii_ask_for_nothing_either(asked):
    prepare_fonts(["dent"])
    batch("dent")
    assert not asked


def test_matplotlib_plots_of_the_base_have_every_glyph(hangul_font):
    prepare_fonts(["앞문"])

    @plt_settings()
    def plot() -> None:
        figure = Figure()
        figure.text(0.5, 0.5, "앞문 0.87")
        figure.savefig(BytesIO())

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot()


def test_plots_of_our_own_have_every_glyph_and_settings_come_back(hangul_font):
    before = list(mpl.rcParams["font.sans-serif"])
    with warnings.catch_warnings(), matplotlib_fonts("앞문"):
        warnings.simplefilter("error")
        figure = Figure()
        figure.text(0.5, 0.5, "앞문 0.87")
        figure.savefig(BytesIO())
    assert mpl.rcParams["font.sans-serif"] == before
    with matplotlib_fonts("dent"):
        assert mpl.rcParams["font.sans-serif"] == before
