"""What all tests share: settings of their own for the base, no network, no installation behind the back."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BROWSER_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# The base reads these when it is imported, so they are set before any test module is.
_HOME = Path(tempfile.mkdtemp(prefix="ayolom-tests-"))
os.environ.update(
    YOLO_AUTOINSTALL="False",
    YOLO_CONFIG_DIR=str(_HOME),
    YOLO_OFFLINE="True",
    NO_ALBUMENTATIONS_UPDATE="1",
    MPLBACKEND="Agg",
)


def pytest_configure() -> None:
    """Keep data, weights and runs of the base below the tests' own folder."""
    from ultralytics.utils import SETTINGS

    SETTINGS.update({f"{name}_dir": str(_HOME / name) for name in ("datasets", "weights", "runs")})


def pytest_unconfigure() -> None:
    """Remove that folder."""
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images beside the checkout; tests that ask for it are skipped where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real images (../shared/data) are not here")
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory):
    """A real browser without a screen; tests that ask for it are skipped where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not binary or not driver:
        pytest.skip("no Chromium with its chromedriver on this machine")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in (*BROWSER_FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('chromium')}", "--window-size=1280,900"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    made = webdriver.Chrome(options=options, service=Service(driver))
    yield made
    made.quit()
