"""The server that local pages share: it ends on Ctrl-C without a word."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

pytest.importorskip("uvicorn")

SCRIPT = """
import os, signal, threading, time
from starlette.applications import Starlette
from ayolom import web

def press():
    while not server.started:
        time.sleep(0.05)
    for _ in range({times}):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.02)

def ready(port, made):
    global server
    server = made
    threading.Thread(target=press).start()

with web.listening(0) as listener:
    web.run_server(Starlette(), listener, ready)
print("ended")
"""


@pytest.mark.parametrize("times", [1, 2, 3])
def test_ctrl_c_ends_it_quietly_however_often_it_is_pressed(times: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(times=times)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "ended\n", "")


def test_a_browser_that_comes_before_the_server_has_started_waits_for_it() -> None:
    from ayolom import web

    with web.listening(0) as listener:  # nothing serves it yet
        socket.create_connection(listener.getsockname(), timeout=5).close()
