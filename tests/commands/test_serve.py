"""`yolo serve` on the command line: help, and what is wrong before anything listens."""

from __future__ import annotations

import pytest

from ayolom.cli import main

pytest.importorskip("fastapi", reason='the service needs pip install "ayolom[web]"')


def run(*words: str) -> int:
    return main(["yolo", "serve", *words])


def test_help_tells_how(capsys) -> None:
    assert run("--help") == 0
    out = capsys.readouterr().out
    assert "yolo serve model=best.pt corrections=datasets/corrections" in out
    assert "keep_minutes" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param([], "model= is missing", id="no-model"),
        pytest.param(["model=nowhere.pt", "isolate=False"], "model=nowhere.pt: no such checkpoint", id="model"),
        pytest.param(["model=best.pt", "queue=0"], "queue=0: must be a whole number from 1", id="limit"),
        pytest.param(["model=best.pt", "port=99999"], "port=99999: cannot be used", id="port"),
        pytest.param(
            ["model=best.pt", "host=no.such.host.invalid"], "is no name or address of this machine", id="host"
        ),
        pytest.param(["model=best.pt", "token=short"], "token: must have 16", id="token"),
        pytest.param(["model=best.pt", "lang=xx"], "lang=xx: no such language", id="language"),
        pytest.param(["model=best.pt", "prot=1"], "Did you mean 'port'?", id="option"),
    ],
)
def test_mistakes_are_named(capsys, words, message) -> None:
    given = words if any(word.startswith(("port", "host")) for word in words) else [*words, "port=0"]
    assert run(*given) == 1
    assert message in capsys.readouterr().err


def test_settings_of_prediction_reach_the_service(monkeypatch) -> None:
    asked = []
    monkeypatch.setattr("ayolom.serve.serve", asked.append)
    assert run("model=best.pt", "conf=0.4", "tile=1280", "tile_overlap=0.3") == 0
    assert asked[0].predict == {"conf": 0.4, "tile": 1280, "tile_overlap": 0.3}


def test_without_its_packages_it_says_what_to_install(capsys, monkeypatch) -> None:
    monkeypatch.setattr("ayolom.serve._serve.find_spec", lambda name: None)
    assert run("model=best.pt") == 1
    assert 'pip install "ayolom[web]"' in capsys.readouterr().err
