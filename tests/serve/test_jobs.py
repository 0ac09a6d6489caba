"""Folders of inspections: theirs alone, and gone in time."""

from __future__ import annotations

import os

import pytest

from ayolom.errors import AyolomError
from ayolom.serve import Limits
from ayolom.serve._jobs import Jobs, remove_leftovers
from ayolom.serve._limits import Problem


@pytest.fixture
def clock():
    class Clock:
        now = 1000.0

        def __call__(self):
            return self.now

    return Clock()


@pytest.fixture
def jobs(tmp_path, clock):
    made = Jobs(Limits(keep_minutes=10), tmp_path / "servers", clock)
    yield made
    made.close()
    if made.folder.exists():
        made.delete()


def test_each_has_a_folder_of_its_own_that_nobody_else_reads(jobs):
    one, other = jobs.reserve("en"), jobs.reserve("en")
    assert one.folder != other.folder
    assert one.id != other.id
    assert len(one.id) == 32
    for folder in (one.folder, jobs.folder, jobs.folder.parent):
        assert folder.stat().st_mode & 0o077 == 0


def test_those_that_nobody_asks_for_go_in_time(jobs, clock):
    old, asked, working = (jobs.reserve("en") for _ in range(3))
    old.state = asked.state = "done"
    working.state = "working"
    clock.now += 9 * 60
    assert jobs.get(asked.id) is asked
    assert jobs.sweep() == 0
    clock.now += 2 * 60
    assert jobs.sweep() == 1
    assert not old.folder.exists()
    assert asked.folder.exists()
    assert working.folder.exists()
    with pytest.raises(Problem, match="no_job"):
        jobs.get(old.id)


def test_the_folder_goes_with_the_server(jobs):
    (jobs.reserve("en").folder / "photo.jpg").write_bytes(b"x")
    jobs.close()
    jobs.delete()
    assert not jobs.folder.exists()
    with pytest.raises(Problem, match="closing"):
        jobs.reserve("en")


def test_what_a_crash_left_goes_at_the_next_start_and_a_living_server_stays(jobs, tmp_path):
    crashed = tmp_path / "servers" / "server-crashed"
    (crashed / "0123").mkdir(parents=True)
    (crashed / "0123" / "photo.jpg").write_bytes(b"x")
    (crashed / "server.lock").touch()
    second = Jobs(Limits(), tmp_path / "servers")
    assert not crashed.exists()
    assert jobs.folder.exists()
    assert remove_leftovers(tmp_path / "servers") == 0
    second.close()
    second.delete()


def test_a_link_among_the_leftovers_is_not_followed(tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    base = tmp_path / "servers"
    base.mkdir()
    (base / "server-link").symlink_to(precious)
    assert remove_leftovers(base) == 0
    assert precious.exists()


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="files have no owner here")
def test_a_folder_of_somebody_else_is_refused(tmp_path, monkeypatch):
    base = tmp_path / "servers"
    base.mkdir()
    monkeypatch.setattr("os.getuid", lambda: 12345)
    with pytest.raises(AyolomError, match="belongs to somebody else"):
        Jobs(Limits(), base)


def test_the_queue_tells_places(jobs):
    first, second = jobs.reserve("en"), jobs.reserve("en")
    jobs.enqueue(first)
    jobs.enqueue(second)
    assert (jobs.position(first), jobs.position(second)) == (1, 2)
    assert jobs.take() is first
    assert (jobs.position(first), jobs.position(second)) == (None, 1)
    jobs.remove(second)
    assert jobs.position(second) is None
