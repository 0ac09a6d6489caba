"""What is too much, and what is said then."""

from __future__ import annotations

import threading
import time

import pytest

from ayolom.errors import AyolomError
from ayolom.serve import Limits

FORM = {"content-type": "multipart/form-data; boundary=xx"}
HEAD = b'--xx\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'


def told(answer):
    return answer.status_code, answer.json()["code"]


def empty(asked):
    """Whether nothing of an upload is left."""
    jobs = asked.service.jobs
    return not list(jobs) and [path.name for path in jobs.folder.iterdir()] == ["server.lock"]


def nothing_stays(asked):
    """Whether the files of a failed inspection go; its status stays a moment before."""
    until = time.monotonic() + 5
    while [path for path in asked.service.jobs.folder.iterdir() if path.is_dir()]:
        assert time.monotonic() < until
        time.sleep(0.02)
    return True


def test_a_told_length_beyond_the_limit_is_not_read(client, photo):
    asked = client(start=False, limits={"upload_mb": 0.01})
    answer = asked.send(("a.jpg", photo(size=(300, 300))))
    assert told(answer) == (413, "too_large")
    assert "0.01 MB" in answer.json()["detail"]
    assert empty(asked)


def test_a_stream_is_read_no_further_than_the_limit(client):
    asked, sent = client(start=False, limits={"upload_mb": 0.1}), []

    def body():
        yield HEAD
        for _ in range(1000):
            sent.append(1)
            yield b"\xff" * 10_000

    assert told(asked.http.post(f"{asked.api}/jobs", content=body(), headers=FORM)) == (413, "too_large")
    assert empty(asked)


@pytest.mark.parametrize(
    ("content", "headers", "expected"),
    [
        pytest.param(b"{}", {"content-type": "application/json"}, (415, "no_form"), id="json"),
        pytest.param(b"--xx--\r\n", FORM, (422, "no_files"), id="empty-form"),
        pytest.param(HEAD + b"123", FORM, (400, "broken_form"), id="cut-off"),
        pytest.param(b"nonsense", FORM, (400, "broken_form"), id="nonsense"),
        pytest.param(HEAD + b"text\r\n--xx--\r\n", FORM, (422, "none_taken"), id="no-photo"),
        pytest.param(
            b'--xx\r\nContent-Disposition: form-data; name="lang"\r\n\r\n' + b"k" * 9999 + b"\r\n--xx--\r\n",
            FORM, (400, "broken_form"), id="long-value",
        ),
        pytest.param(b"--xx\r\n" + b"A: b\r\n" * 50 + b"\r\n", FORM, (400, "broken_form"), id="many-headers"),
    ],
)  # fmt: skip
def test_what_is_no_upload(client, content, headers, expected):
    asked = client(start=False)
    assert told(asked.http.post(f"{asked.api}/jobs", content=content, headers=headers)) == expected
    assert empty(asked)


def test_too_many_files(client, photo):
    asked = client(start=False, limits={"files": 2})
    assert told(asked.send(*[(f"{i}.jpg", photo()) for i in range(3)])) == (413, "too_many_files")
    assert empty(asked)


def test_an_upload_that_takes_too_long_is_ended(client):
    asked = client(start=False, limits={"upload_seconds": 0.05})

    async def slow(_: object) -> None:
        import asyncio

        await asyncio.sleep(5)

    import ayolom.serve._upload as upload

    before, upload._read = upload._read, lambda *_: slow(None)
    try:
        assert told(asked.http.post(f"{asked.api}/jobs", content=HEAD, headers=FORM)) == (408, "too_slow")
    finally:
        upload._read = before
    assert empty(asked)


def test_a_full_queue_says_when_to_come_again(client, photo):
    asked = client(start=False, limits={"queue": 2})
    for place in (1, 2):
        assert asked.send(("a.jpg", photo())).json()["position"] == place
    answer = asked.send(("a.jpg", photo()))
    assert told(answer) == (503, "queue_full")
    assert int(answer.headers["retry-after"]) >= 1


def test_a_full_store_takes_no_more(client, photo):
    asked = client(start=False, limits={"store_mb": 0.001})
    assert asked.send(("a.jpg", photo())).status_code == 202
    assert told(asked.send(("a.jpg", photo()))) == (503, "store_full")


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        pytest.param({"frames": 5}, "10 frames; 5 are allowed", id="frames"),
        pytest.param({"video_seconds": 0.5}, "takes 1 s; 0.5 s are allowed", id="seconds"),
        pytest.param({"megapixels": 0.01}, "0.01 megapixels are allowed", id="pixels"),
    ],
)
def test_a_video_beyond_a_limit_is_left_out(client, video, photo, limits, reason):
    asked = client(limits=limits)
    answer = asked.send(("walk.mp4", video), ("small.jpg", photo(size=(60, 80))))
    status = asked.wait(f"{asked.api}/jobs/{answer.json()['id']}")
    assert status["state"] == "done"
    (left,) = status["left_out"]
    assert left["name"] == "walk.mp4"
    assert reason in left["reason"]


def test_frames_are_counted_whatever_the_header_says(client, video, monkeypatch):
    asked = client(limits={"frames": 5})
    monkeypatch.setattr("ayolom.serve._engine.count_frames", lambda file, limits: 1)
    answer = asked.send(("walk.mp4", video))
    status = asked.wait(f"{asked.api}/jobs/{answer.json()['id']}")
    assert (status["state"], status["problem"]["code"]) == ("failed", "frames")


def test_an_inspection_that_takes_too_long_is_ended(client, photo):
    asked = client(pause=0.1, limits={"work_seconds": 0.15})
    answer = asked.send(*[(f"{i}.jpg", photo(i)) for i in range(8)])
    status = asked.wait(f"{asked.api}/jobs/{answer.json()['id']}")
    assert (status["state"], status["problem"]["code"]) == ("failed", "work_seconds")
    assert nothing_stays(asked)


def test_deleting_stops_what_is_at_work(client, photo):
    asked = client(pause=0.05)
    answer = asked.send(*[(f"{i}.jpg", photo(i)) for i in range(40)])
    address = f"{asked.api}/jobs/{answer.json()['id']}"
    asked.wait(address, states=("working",))
    assert asked.http.delete(address).status_code == 204
    assert told(asked.http.get(address)) == (404, "no_job")
    started = time.monotonic()
    asked.done(("b.jpg", photo()))
    assert time.monotonic() - started < 1.5
    assert len([path for path in asked.service.jobs.folder.iterdir() if path.is_dir()]) == 1


def test_many_uploads_at_once_are_all_served(client, photo):
    asked, found = client(limits={"queue": 20}), {}

    def one(seed: int) -> None:
        found[seed] = asked.result(asked.done((f"{seed}.jpg", photo(seed))))

    threads = [threading.Thread(target=one, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert {seed: result["pictures"][0]["name"] for seed, result in found.items()} == {
        seed: f"{seed}.jpg" for seed in range(6)
    }


def test_limits_must_be_more_than_nothing():
    with pytest.raises(AyolomError, match="queue=0: must be more than 0"):
        Limits(queue=0)
