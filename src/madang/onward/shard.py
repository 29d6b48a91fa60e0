"""Requests of one shard, each after the other, until the receiver has taken or refused them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from madang.collect.remote_write import V2_PROTO, RemoteWriteEncoder
from madang.core.errors import MadangError
from madang.core.samples import Samples
from madang.onward import telemetry
from madang.onward.receiver import Receiver, Reply, refusal
from madang.project.remote_write_spec import RemoteWriteSpec

_TOO_MANY = 429
_SERVER_ERROR = 500
_BAD_REQUEST = 400


@dataclass(slots=True)
class Outcome:
    """What became of a shard's requests.

    ``refused`` counts samples that the receiver refused, ``doubtful`` those of requests that it may
    have had before: it refuses what it has already, if later samples came since.
    """

    sent: int = 0
    refused: int = 0
    doubtful: int = 0
    reason: str = ""


@dataclass(slots=True)
class Trouble:
    """Why a sender waits, if it does; shared by its shards."""

    error: str = ""
    since_s: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, error: str) -> None:
        """Note an error, or with an empty text that it is over."""
        with self._lock:
            if error and not self.error:
                self.since_s = time.time()
            self.error = error


class Shard:
    """A connection to the receiver. Used by one thread at a time.

    Args:
        name: The sender's, for telemetry.
        spec: The sender.
        receiver: Where to.
        trouble: The sender's.
    """

    def __init__(
        self, name: str, spec: RemoteWriteSpec, receiver: Receiver, trouble: Trouble
    ) -> None:
        self._name, self._spec = name, spec
        self._receiver, self._trouble = receiver, trouble
        encoder = RemoteWriteEncoder()
        v2 = spec.protobuf_message == V2_PROTO
        self._encode: Callable[[Samples], bytes] = encoder.v2 if v2 else encoder.v1

    def send(
        self, requests: Sequence[Samples], stop: threading.Event, *, again: bool
    ) -> Outcome | None:
        """Send requests in their order; None where ``stop`` came before all were answered.

        ``again``: the receiver may have had any of them before.
        """
        outcome = Outcome()
        for samples in requests:
            body = self._encode(samples)
            reply, doubtful = self._until_answered(body, stop)
            if reply is None:
                return None
            count = len(samples)
            if reply.status // 100 == 2:
                outcome.sent += count
                telemetry.SENT.labels(self._name).inc(count)
                telemetry.SENT_BYTES.labels(self._name).inc(len(body))
            elif reply.status == _BAD_REQUEST and (again or doubtful):
                outcome.doubtful += count
            else:
                outcome.refused += count
                outcome.reason = refusal(reply).message
        return outcome

    def close(self) -> None:
        """Drop the connection."""
        self._receiver.close()

    def _until_answered(self, body: bytes, stop: threading.Event) -> tuple[Reply | None, bool]:
        queue = self._spec.queue_config
        pause_s, tries, doubtful = max(queue.min_backoff, 0.001), 0, False
        while not stop.is_set():
            if tries:
                telemetry.RETRIED.labels(self._name).inc()
            began_s = time.monotonic()
            asked_s = 0.0
            try:
                reply = self._receiver.post(body, again=tries > 0)
            except (MadangError, OSError) as error:
                self._trouble.say(error.message if isinstance(error, MadangError) else str(error))
                doubtful = True
            else:
                telemetry.REQUEST_S.labels(self._name).observe(time.monotonic() - began_s)
                again = reply.status >= _SERVER_ERROR or (
                    reply.status == _TOO_MANY and queue.retry_on_http_429
                )
                if not again:
                    self._trouble.say("")
                    return reply, doubtful
                self._trouble.say(refusal(reply).message)
                doubtful = doubtful or reply.status >= _SERVER_ERROR
                asked_s = reply.pause_s(time.time())
            tries += 1
            stop.wait(asked_s or pause_s)
            pause_s = min(pause_s * 2, max(queue.max_backoff, 0.001))
        return None, doubtful
