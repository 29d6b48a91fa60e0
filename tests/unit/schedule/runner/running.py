"""A runner in a process of its own: starts what its arguments say, prints what has ended.

Arguments: a folder, a scenario (a function of this module).
"""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import msgspec

from madang.core.errors import UnavailableError
from madang.schedule.runner import Limits, Runner

FOLDER = Path(sys.argv[1])
LOG = FOLDER / "log"


def body_of(work):
    name, *given = msgspec.json.decode(work)
    return lambda: BODIES[name](*given)


def wait(seconds):
    time.sleep(seconds)
    return os.getpid()


def daemon():
    script = "import os,time; os.fork() and os._exit(0); os.setsid(); time.sleep(60)"
    subprocess.run([sys.executable, "-c", script], check=True)
    LOG.with_name("daemon").touch()
    time.sleep(60)


BODIES = {"wait": wait, "give": lambda value: value, "daemon": daemon}


def tell(*ends):
    for end in ends:
        print(msgspec.json.encode(end).decode(), flush=True)


def start(runner, name, *work, limits=None):
    runner.start(name, msgspec.json.encode(work), LOG, limits or Limits())


def each_with_its_value(runner):
    for number in range(20):
        start(runner, f"a{number}", "give", {"n": number})
    got = 0
    while got < 20:
        ends = runner.ended()
        got += len(ends)
        tell(*ends)


def cancel_one_of_two(runner):
    start(runner, "long", "wait", 60)
    start(runner, "short", "wait", 0.5)
    runner.cancel("long")
    runner.cancel("nobody")
    for _ in range(2):
        tell(*runner.ended())
    runner.cancel("long")


def nonsense(runner):
    runner.start("nonsense", b"{", LOG, Limits())
    tell(*runner.ended())
    start(runner, "unknown", "no such body")
    tell(*runner.ended())
    runner.start("no log", b"[]", FOLDER / "none" / "log", Limits())
    tell(*runner.ended())


def keeper_killed(runner):
    start(runner, "lost", "daemon")
    while not LOG.with_name("daemon").exists():
        time.sleep(0.01)
    (keeper,) = children(runner.pid)
    os.kill(keeper, signal.SIGKILL)
    tell(*runner.ended())
    start(runner, "next", "give", 1)
    tell(*runner.ended())


def launcher_killed(runner):
    start(runner, "lost", "wait", 60)
    while not children(runner.pid):
        time.sleep(0.01)
    os.kill(runner.pid, signal.SIGKILL)
    try:
        runner.ended()
    except UnavailableError as error:
        print(error.message, flush=True)
    try:
        for _ in range(1000):
            start(runner, "more", "give", 1)
    except UnavailableError as error:
        print(error.message, flush=True)


def many_at_once_unread(runner):
    """More messages both ways than sockets hold, and nobody reads for a while."""
    text = "x" * 5000
    for number in range(400):
        start(runner, f"a{number}", "give", text)
    got = 0
    while got < 400:
        ends = runner.ended()
        assert all(end.outcome.value == text for end in ends)
        got += len(ends)
    print(got, flush=True)


def left_running(runner):
    start(runner, "long", "daemon")
    while not LOG.with_name("daemon").exists():
        time.sleep(0.01)
    print("ready", flush=True)
    threading.Event().wait(60)


def fast(runner):
    runner.ended  # noqa: B018 - warm
    start(runner, "warm", "give", 0)
    runner.ended()
    began = time.monotonic()
    for number in range(200):
        start(runner, f"a{number}", "give", number)
    got = 0
    while got < 200:
        got += len(runner.ended())
    print(200 / (time.monotonic() - began), flush=True)


def children(pid):
    from madang.schedule.runner.processes import children

    return children(pid)


if __name__ == "__main__":
    made = Runner(body_of, FOLDER / "outcomes")
    globals()[sys.argv[2]](made)
    made.close()
