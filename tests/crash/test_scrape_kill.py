"""A scraper killed at any moment: no sample twice, times never back, labels always known."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from madang.core.samples import SAMPLES_SCHEMA, labels_of
from madang.stream import LogStore
from page_server import Web

CHILD = Path(__file__).parent / "scrape_until_killed.py"


@pytest.mark.crash
def test_killed_scrapes_leave_whole_samples(tmp_path):
    kills = int(os.environ.get("MADANG_SCRAPE_KILLS", "4"))
    turns = 0

    async def answer(request):
        nonlocal turns
        turns += 1
        await request.page(b'steady 1\nturning{t="%d"} 1\n' % (turns // 20))

    server, draw = Web(answer), random.Random(7)
    try:
        for _ in range(kills):
            before = turns
            process = subprocess.Popen(
                [sys.executable, CHILD, tmp_path, server.address],
                env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            )
            until_s = time.monotonic() + 60
            while turns < before + 40 and process.poll() is None:
                assert time.monotonic() < until_s
                time.sleep(0.01)
            time.sleep(draw.uniform(0, 0.1))
            process.send_signal(signal.SIGKILL)
            process.wait()
    finally:
        server.close()
    labels: dict[int, dict[str, str]] = {}
    last: dict[int, int] = {}
    samples = 0
    with LogStore(tmp_path / "log", min_free_bytes=0) as store:
        store.recover()
        stream = store.open("metrics.samples", SAMPLES_SCHEMA, partitions=2)
        for partition in range(2):
            offset = 0
            while chunks := stream.read(partition, offset):
                for chunk in chunks:
                    batch = chunk.batch
                    times = batch["ts"].cast("int64").to_pylist()
                    for series, ts, written in zip(
                        batch["series"].to_pylist(), times, batch["labels"].to_pylist(), strict=True
                    ):
                        if written is not None:
                            labels[series] = labels_of(written)
                        assert series in labels
                        assert ts > last.get(series, 0)
                        last[series] = ts
                        samples += 1
                offset = chunks[-1].end_offset
    assert {one["n"] for one in labels.values()} == {"0", "1", "2", "3"}
    assert samples > kills * 40
