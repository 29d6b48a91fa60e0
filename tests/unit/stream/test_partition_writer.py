"""Appending when the disk says no: nothing acknowledged is lost, nothing refused is kept."""

import errno
import logging
import os
import subprocess
import sys
import threading
from concurrent.futures import wait
from pathlib import Path

import pytest

from madang.core.errors import (
    InvalidInputError,
    OverloadedError,
    StorageFullError,
    TooLargeError,
    UnavailableError,
)
from madang.stream import LogStore, Origin
from madang.stream.folder import PartitionFolder
from madang.testing.records import record_batch, values_of
from madang.testing.stream_contract import read_all


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


def fail_with(number: int):
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def test_over_the_watermark_nothing_is_written(open_store, clock) -> None:
    store = open_store()
    stream = store.open("s")
    stream.submit(record_batch([b"a"])).result(10)
    size = stream.bounds(0).size_bytes
    store.space.min_free_bytes = 2**60
    with pytest.raises(StorageFullError, match="must stay free") as refused:
        stream.submit(record_batch([b"b"]), origin=Origin("key:b", 1)).result(10)
    assert refused.value.retry_after_s > 0
    assert stream.submit(record_batch([b"b"]), origin=Origin("key:b", 1)).exception(10)
    assert stream.bounds(0).size_bytes == size
    store.space.min_free_bytes = 0
    clock.advance(1)
    assert not stream.submit(record_batch([b"b"]), origin=Origin("key:b", 1)).result(10).duplicate


@pytest.mark.parametrize("call", ["pwritev", "fdatasync"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_refuses_the_whole_group(
    open_store, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    stream = open_store().open("s")
    stream.submit(record_batch([b"a"])).result(10)
    path = PartitionFolder.of(stream.path, 0).segment(0)
    size = path.stat().st_size
    with monkeypatch.context() as full:
        full.setattr(f"madang.stream.active_segment.os.{call}", fail_with(number))
        futures = [
            stream.submit(record_batch([b"b"]), origin=Origin(f"key:{n}", 1)) for n in range(5)
        ]
        wait(futures)
        assert all(isinstance(future.exception(), StorageFullError) for future in futures)
    assert path.stat().st_size == size
    assert (
        stream.submit(record_batch([b"c"]), origin=Origin("key:0", 1)).result(10).base_offset == 1
    )
    assert values_of(read_all(stream)) == [(0, b"a"), (1, b"c")]


def test_a_full_disk_when_a_segment_begins(open_store, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = open_store(segment_size_bytes=1000).open("s")
    stream.submit(record_batch([b"a" * 2000])).result(10)
    with monkeypatch.context() as full:
        full.setattr("madang.stream.active_segment.os.fsync", fail_with(errno.ENOSPC))
        with pytest.raises(StorageFullError):
            stream.submit(record_batch([b"b"])).result(10)
    assert stream.submit(record_batch([b"c"])).result(10).base_offset == 1
    assert not list(stream.path.glob("p0000/*.new"))


def test_a_short_write_is_completed(open_store, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = open_store().open("s")
    whole = os.pwritev
    monkeypatch.setattr(
        "madang.stream.active_segment.os.pwritev",
        lambda fd, buffers, at: whole(fd, [b"".join(buffers)[:100]], at),
    )
    stream.submit(record_batch([b"a" * 50_000])).result(10)
    assert values_of(read_all(stream)) == [(0, b"a" * 50_000)]


def test_after_a_failed_fsync_nothing_is_trusted_until_recovery(
    open_store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store()
    stream = store.open("s")
    stream.submit(record_batch([b"a"])).result(10)
    with monkeypatch.context() as broken:
        broken.setattr("madang.stream.active_segment.os.fdatasync", fail_with(errno.EIO))
        with pytest.raises(UnavailableError, match="the disk failed"):
            stream.submit(record_batch([b"b"])).result(10)
    with pytest.raises(UnavailableError, match="fsync failed"):
        stream.submit(record_batch([b"c"])).result(10)
    assert values_of(read_all(stream)) == [(0, b"a")]
    store.recover()
    assert stream.submit(record_batch([b"d"])).result(10).base_offset >= 1


def test_too_much_at_once_is_refused(open_store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("madang.stream.group_queue.WAITING_BYTES", 100_000)
    stream = open_store().open("s")
    held = threading.Event()
    whole = os.fdatasync
    monkeypatch.setattr(
        "madang.stream.active_segment.os.fdatasync", lambda fd: held.wait(10) and whole(fd)
    )
    futures = [stream.submit(record_batch([b"x" * 30_000])) for _ in range(20)]
    refused = [future for future in futures if future.done()]
    assert refused
    assert all(isinstance(future.exception(), OverloadedError) for future in refused)
    held.set()
    kept = [future.result(10).base_offset for future in futures if future not in refused]
    assert kept == list(range(len(kept)))


def test_a_cancelled_caller_does_not_stop_the_others(open_store) -> None:
    stream = open_store().open("s")
    futures = [stream.submit(record_batch([b"%d" % number])) for number in range(50)]
    for future in futures[::2]:
        future.cancel()
    wait(futures)
    assert stream.bounds(0).end == 50


@pytest.mark.parametrize(
    ("origin", "attributes", "error"),
    [
        (Origin("", 1), None, InvalidInputError),
        (Origin("x" * 2000, 1), None, InvalidInputError),
        (Origin("a", 2**63), None, InvalidInputError),
        (None, {"a": "x" * 300_000}, TooLargeError),
        (None, {"a": object()}, InvalidInputError),
        (None, {"a": "\ud800"}, InvalidInputError),
    ],
)
def test_hostile_origins_and_attributes(open_store, origin, attributes, error) -> None:
    stream = open_store().open("s")
    with pytest.raises(error):
        stream.submit(record_batch([b"a"]), origin=origin, attributes=attributes).result(10)
    assert stream.bounds(0).end == 0


def test_a_producer_may_have_any_name(open_store) -> None:
    stream = open_store().open("s")
    for producer in ("file:\ud800\udcff", "key:\x00", "key:", "사" * 300):
        stream.submit(record_batch([b"a"]), origin=Origin(producer, 1)).result(10)
    other = open_store().open("s")
    for producer in ("file:\ud800\udcff", "key:\x00", "key:", "사" * 300):
        assert other.last_sequence(0, producer) == 1
    assert len(values_of(read_all(other))) == 4


def test_an_interpreter_that_ends_finishes_what_its_threads_submit(tmp_path: Path) -> None:
    program = """
import sys, threading, time
from pathlib import Path
from madang.stream import LogStore
from madang.testing.records import record_batch
stream = LogStore(Path(sys.argv[1]), min_free_bytes=0).open("s")
def late():
    threading.main_thread().join()
    for number in range(30):
        assert stream.submit(record_batch([b"late"])).result(10).base_offset == number
threading.Thread(target=late).start()
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program, tmp_path], check=True, env=environment)
    with LogStore(tmp_path, min_free_bytes=0) as store:
        assert store.open("s").bounds(0).end == 30
