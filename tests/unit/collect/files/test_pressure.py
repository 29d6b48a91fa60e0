"""A stream that refuses, a file that may not be read: wait, and drop nothing."""

import threading
from concurrent.futures import Future

import pytest

from madang.collect.files import content as content_module
from madang.collect.files import sending as sending_module
from madang.core.errors import (
    CorruptionError,
    OverloadedError,
    StorageFullError,
    UnavailableError,
)


class Refusing:
    """The stream below, but every submit fails while ``error`` is set."""

    def __init__(self, stream) -> None:
        self._stream = stream
        self.error = None
        self.refused = 0
        self.keeps = False

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def submit(self, batch, **more):
        if self.error is None:
            return self._stream.submit(batch, **more)
        self.refused += 1
        if self.keeps:  # appended, but the acknowledgement is lost
            self._stream.submit(batch, **more).result()
        future = Future()
        future.set_exception(self.error)
        return future


def write(path, lines) -> None:
    with path.open("a") as file:
        file.writelines(f"{line}\n" for line in lines)


@pytest.fixture
def refusing(follow):
    f = follow(batch_size=4096)
    f.target = Refusing(f.stream)
    f.restart()
    return f


@pytest.mark.parametrize(
    "error", [StorageFullError("full"), OverloadedError("busy"), UnavailableError("away")]
)
@pytest.mark.parametrize("keeps", [False, True])
def test_what_is_refused_goes_again_in_order_and_once(refusing, error, keeps):
    f = refusing
    log = f.logs / "app.log"
    write(log, range(5000))
    f.target.error, f.target.keeps = error, keeps
    for _ in range(3):
        f.poll()
    assert f.source.status().waiting_for is error
    assert f.target.refused >= 3
    write(log, range(5000, 6000))
    f.target.error = None
    for _ in range(3):
        f.poll()
    assert f.lines() == [str(number) for number in range(6000)]
    assert f.source.status().waiting_for is None


def test_memory_stays_bounded_while_the_stream_refuses(refusing, monkeypatch):
    f = refusing
    monkeypatch.setattr("madang.collect.files.sending._MAX_PREPARED_BYTES", 100_000)
    for number in range(100):
        write(f.logs / f"{number:03}.log", [f"{number} {'x' * 90}"] * 100)
    f.target.error = StorageFullError("full")
    for _ in range(5):
        f.poll()
    held = sum(
        prepared.batch.nbytes for file in f.source._files.values() for prepared in file.prepared
    )
    assert held < 200_000
    f.target.error = None
    while f.source._sender.busy:
        f.poll()
    assert len(f.lines()) == 10_000


def test_a_refusal_survives_a_truncation(refusing):
    f = refusing
    log = f.logs / "app.log"
    write(log, ["a", "b"])
    f.target.error = StorageFullError("full")
    f.poll()
    log.write_text("")
    f.poll()
    write(log, ["c"])
    f.poll()
    f.target.error = None
    for _ in range(3):
        f.poll()
    assert f.lines() == ["a", "b", "c"]


def test_an_error_that_waiting_does_not_mend_is_raised(refusing):
    write(refusing.logs / "app.log", ["a"])
    refusing.target.error = CorruptionError("broken")
    with pytest.raises(CorruptionError):
        refusing.poll()


def test_run_waits_as_long_as_the_stream_says_and_ends_at_once(refusing):
    f = refusing
    write(f.logs / "app.log", ["a"])
    f.target.error = StorageFullError("full", retry_after_s=60.0)
    stop = threading.Event()
    thread = threading.Thread(target=f.source.run, args=(stop,))
    thread.start()
    while f.target.refused == 0:
        stop.wait(0.01)
    stop.wait(0.5)
    assert f.target.refused == 1
    stop.set()
    thread.join(5)
    assert not thread.is_alive()


def test_a_file_that_may_not_be_read_is_told_once_and_tried_again(follow, monkeypatch, caplog):
    f = follow()
    write(f.logs / "secret.log", ["a"])
    write(f.logs / "open.log", ["b"])
    opened = content_module.PlainContent.open

    def refuse(path):
        if path.name == "secret.log":
            raise PermissionError(13, "Permission denied")
        return opened(path)

    monkeypatch.setattr(content_module.PlainContent, "open", refuse)
    for _ in range(3):
        f.poll(after_s=30)
    assert f.lines() == ["b"]
    assert f.source.status().problems == (f"{f.logs}/secret.log: Permission denied",)
    assert caplog.text.count("Permission denied") == 1
    monkeypatch.undo()
    f.poll(after_s=61)
    assert f.lines() == ["b", "a"]
    assert f.source.status().problems == ()


def test_a_problem_ends_with_its_file(follow, caplog):
    f = follow()
    loop = f.logs / "loop.log"
    loop.symlink_to(loop)
    for _ in range(3):
        f.poll()
    assert f.source.status().problems == (f"{loop}: Too many levels of symbolic links",)
    assert len(caplog.records) == 1
    loop.unlink()
    f.poll()
    assert f.source.status().problems == ()


class Slow:
    """The stream below, but what is submitted waits until ``let_go``, as on a stalled disk."""

    def __init__(self, stream) -> None:
        self._stream = stream
        self.held = []
        self.submitted = threading.Event()

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def submit(self, batch, **more):
        future = Future()
        self.held.append((future, batch, more))
        self.submitted.set()
        return future

    def let_go(self) -> None:
        for future, batch, more in self.held:
            future.set_result(self._stream.submit(batch, **more).result())
        self.held.clear()


def test_a_stopped_source_waits_for_what_may_still_land(follow, monkeypatch):
    monkeypatch.setattr(sending_module, "_ACK_WAIT_S", 0.02)
    f = follow()
    f.target = slow = Slow(f.stream)
    f.restart()
    log = f.logs / "app.log"
    write(log, range(10))
    stop = threading.Event()
    thread = threading.Thread(target=f.source.run, args=(stop,))
    thread.start()
    assert slow.submitted.wait(10)
    stop.set()
    for _ in range(20):
        f.clock.ahead_s += 60
        thread.join(0.05)
    assert thread.is_alive()
    slow.let_go()
    thread.join(10)
    f.target = f.stream
    f.restart()
    write(log, range(10, 20))
    f.poll()
    assert f.lines() == [str(number) for number in range(20)]
