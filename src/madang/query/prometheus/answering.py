"""The role's end of the socket: a few threads that each answer one request at a time."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from madang.core.clock import SystemClock
from madang.core.errors import CancelledError, MadangError, NotFoundError, UnavailableError
from madang.metrics.api.answers import Answer, failed
from madang.metrics.promql import Budget, Options
from madang.query import wire
from madang.query.prometheus.exchange import ApiMeta, ApiRequest, ApiStats
from madang.query.prometheus.gzip_body import gzipped
from madang.query.prometheus.records import Answered
from madang.query.socket_path import short_address

_log = logging.getLogger(__name__)
_FIRST_FRAME_S = 5.0
_SEND_S = 60.0
"""A reader that takes nothing for so long is given up."""
_PIECE_BYTES = 2**20
_BACKLOG = 1024
_GZIP_FROM_BYTES = 1_400


class Answering:
    """Answers on a Unix socket until it is told to stop.

    Args:
        path: The socket's.
        answer: Answers a request within a budget; None where there is nothing of that name.
            Called from several threads.
        options: Settings and limits of queries as they are now.
        threads: How many requests may be answered at the same time; asked again now and then.
        record: Told of each request that is over, from its thread.
        look_s: How often ``threads`` is asked.
    """

    def __init__(
        self,
        path: Path,
        answer: Callable[[ApiRequest, Budget], Answer | None],
        options: Callable[[], Options],
        *,
        threads: Callable[[], int],
        record: Callable[[Answered], None] | None = None,
        look_s: float = 1.0,
    ) -> None:
        self._path = path
        self._answer = answer
        self._options = options
        self._threads = threads
        self._record = record
        self._look_s = look_s

    def run(self, stop: threading.Event) -> None:
        """Answer until ``stop`` is set; then finish what is under way."""
        with contextlib.closing(self._listen()) as listener:
            threads: list[threading.Thread] = []
            while not stop.is_set():
                # Of more than it takes now, the others wait for nothing: who asks keeps the limit.
                while len(threads) < self._threads():
                    name = f"answer-{len(threads)}"
                    threads.append(
                        threading.Thread(target=self._serve, args=(listener, stop), name=name)
                    )
                    threads[-1].start()
                stop.wait(self._look_s)
            self._path.unlink(missing_ok=True)
            # Whoever waits in accept wakes up with an error.
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()

    def _listen(self) -> socket.socket:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Bound under another name first: a socket that can be seen can be connected to.
        fresh = self._path.with_suffix(f".{os.getpid()}")
        fresh.unlink(missing_ok=True)
        with short_address(fresh) as address:
            listener.bind(address)
        fresh.chmod(0o600)
        listener.listen(_BACKLOG)
        fresh.replace(self._path)
        return listener

    def _serve(self, listener: socket.socket, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                if not stop.is_set():
                    _log.exception("a connection could not be accepted")
                    stop.wait(0.1)
                continue
            with connection:
                try:
                    self._serve_one(connection, stop)
                except (OSError, msgspec.DecodeError):
                    pass  # It went away, or speaks another version; it sees the connection's end.
                except Exception:  # noqa: BLE001 - a defect fails its request, not the role
                    _log.exception("a request failed for a reason that is not the request's")

    def _serve_one(self, connection: socket.socket, stop: threading.Event) -> None:
        connection.settimeout(_FIRST_FRAME_S)
        first = wire.receive(connection)
        if first is None or first[0] != wire.REQUEST:
            return
        connection.settimeout(_SEND_S)
        request = msgspec.json.decode(first[1], type=ApiRequest)
        began_s, began_us, stats = time.monotonic(), SystemClock().now_us(), ApiStats()
        budget = Budget(self._limited(request), gone=_ending(connection, stop))
        status, answer = CancelledError.status, None
        try:
            answer = self._answered(request, budget)
            self._send(connection, request, answer, stats)
            status = answer.status
        finally:
            stats.samples, stats.series = budget.samples, budget.series
            stats.duration_s = time.monotonic() - began_s
            if self._record:
                code, text = _error_of(answer)
                self._record(Answered(request, stats, began_us, status, code, text))
        wire.send(connection, wire.FINISHED, msgspec.json.encode(stats))

    def _answered(self, request: ApiRequest, budget: Budget) -> Answer:
        try:
            answer = self._answer(request, budget)
        except MadangError as error:
            return failed(error)
        except MemoryError:
            return failed(UnavailableError("there is not enough memory for this query"))
        except Exception as error:  # noqa: BLE001 - a defect fails its request, not the role
            _log.exception("a query failed for a reason that is not the query's")
            return failed(
                MadangError(
                    f"the query failed: {type(error).__name__}: {error}",
                    hint="this is a defect; please report it with the query",
                )
            )
        return answer or no_such_endpoint(request.endpoint)

    def _send(
        self, connection: socket.socket, request: ApiRequest, answer: Answer, stats: ApiStats
    ) -> None:
        headers = [("content-type", answer.media_type)]
        if answer.encoding:
            headers.append(("content-encoding", answer.encoding))
        body = memoryview(answer.body)
        stats.result_bytes = len(body)
        if request.gzip and not answer.encoding and len(body) >= _GZIP_FROM_BYTES:
            headers += [("content-encoding", "gzip"), ("vary", "accept-encoding")]
            pieces: Iterable[bytes | memoryview] = gzipped(_pieces(body))
        else:
            headers.append(("content-length", str(len(body))))
            pieces = _pieces(body)
        wire.send(connection, wire.META, msgspec.json.encode(ApiMeta(answer.status, headers)))
        for piece in pieces:
            wire.send(connection, wire.DATA, piece)

    def _limited(self, request: ApiRequest) -> Options:
        options = self._options()
        if request.timeout_s is None:
            return options
        timeout_s = min(options.timeout_s, request.timeout_s)
        return dataclasses.replace(options, timeout_s=timeout_s)


def no_such_endpoint(endpoint: str) -> Answer:
    """The answer where there is nothing of that name."""
    return failed(NotFoundError(f"there is no endpoint {endpoint!r} under /prometheus/api/v1"))


def _ending(connection: socket.socket, stop: threading.Event) -> Callable[[], bool]:
    """Asks whether this process stops, or the other end has closed: it sends nothing more."""
    news = select.poll()
    news.register(connection, select.POLLIN)
    return lambda: stop.is_set() or bool(news.poll(0))


def _pieces(body: memoryview) -> Iterator[memoryview]:
    for begin in range(0, len(body), _PIECE_BYTES):
        yield body[begin : begin + _PIECE_BYTES]


def _error_of(answer: Answer | None) -> tuple[str, str]:
    """What an answer says where it is an error: its kind and text."""
    if answer is None or answer.status < 400:
        return "", ""
    try:
        told = msgspec.json.decode(answer.body, type=dict[str, str])
        return told["errorType"], told["error"]
    except (msgspec.DecodeError, KeyError):
        return "error", bytes(answer.body[:500]).decode("utf-8", "replace").strip()
