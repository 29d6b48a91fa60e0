"""Producers at full speed that write down what was acknowledged, and retry with the same key."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import httpx

from madang.testing.running_platform import TOKEN

TEXT_SQL = "rpad(concat(producer, '/', batch, '/', i, ' '), 150, 'x')"
"""What the text of a record must be, in SQL."""


@dataclass
class Producer(threading.Thread):
    """Sends batches of numbered records until told to stop.

    ``acknowledged`` holds the numbers of the batches that were answered with 200, ``sent`` those
    that went out at least once. A batch that got no answer is sent again with its key. Every
    record has a text of its own, which ``TEXT_SQL`` makes again from its numbers.
    """

    url: str
    stream: str
    number: int
    records: int = 200
    acknowledged: set[int] = field(default_factory=set)
    sent: set[int] = field(default_factory=set)
    refusals: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(daemon=True, name=f"producer-{self.number}")
        self._done = threading.Event()

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        batch = 0
        with httpx.Client(base_url=self.url, timeout=10) as client:
            while not self._done.is_set():
                self.sent.add(batch)
                if self._send(client, batch):
                    self.acknowledged.add(batch)
                    batch += 1
                else:
                    self._done.wait(0.05)

    def _send(self, client: httpx.Client, batch: int) -> bool:
        body = "".join(
            f'{{"producer": {self.number}, "batch": {batch}, "i": {i}, "text": "{text}"}}\n'
            for i in range(self.records)
            for text in [f"{self.number}/{batch}/{i} ".ljust(150, "x")]
        )
        try:
            answer = client.post(
                f"/ingest/{self.stream}",
                content=body,
                headers={
                    "Authorization": f"Bearer {TOKEN}",
                    "Content-Type": "application/x-ndjson",
                    "Idempotency-Key": f"{self.number}-{batch}",
                },
            )
        except httpx.TransportError:
            return False
        if answer.status_code == 200:
            return True
        if answer.status_code not in (429, 503, 507):
            self.refusals.append(f"{answer.status_code} {answer.text}")
        return False

    def finish(self) -> None:
        self._done.set()
        self.join(30)
