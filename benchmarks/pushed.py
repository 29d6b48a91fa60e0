"""Pushed metrics, bytes to samples: what a second of one processor decodes, series repeating."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.result import Line, at_least, table
from madang.collect.line_protocol import LineProtocolDecoder
from madang.collect.pushed import Pushed
from madang.collect.remote_write import V1_PROTO, V2_PROTO, RemoteWriteDecoder, RemoteWriteEncoder
from madang.core.samples import Samples, canonical_labels

START_MS = 1_700_000_000_000
SERIES = 2000
LINES = 5000
FIELDS = ("usage_user", "usage_system", "usage_idle", "usage_iowait", "usage_irq", "usage_nice")


def run(_: Path, *, rounds: int = 20) -> str:
    """Decode ``rounds`` bodies of each kind after one that makes their series known."""
    lines = [
        _rate("line protocol: 5,000 lines of 6 fields", _line_protocol(rounds), 400_000),
        _rate("remote write 1.0: 2,000 series × 1", _remote_write(rounds, V1_PROTO, 1), 500_000),
        _rate("remote write 1.0: 20 series × 100", _remote_write(rounds, V1_PROTO, 100), 500_000),
        _rate("remote write 2.0: 2,000 series × 1", _remote_write(rounds, V2_PROTO, 1), 500_000),
        _rate("remote write 2.0: 20 series × 100", _remote_write(rounds, V2_PROTO, 100), 500_000),
    ]
    return table("Pushed metrics: decoding, samples per CPU-second", lines)


def _rate(what: str, samples_per_cpu_s: float, bound: float) -> Line:
    return at_least(what, samples_per_cpu_s, bound, "samples/CPU-s")


def _measured(bodies: Sequence[bytes], decode: Callable[[bytes], Pushed], count: int) -> float:
    decode(bodies[0])
    began_s = time.process_time()
    for body in bodies[1:]:
        pushed = decode(body)
        assert (len(pushed.samples), pushed.refused_count) == (count, 0)
    return count * (len(bodies) - 1) / (time.process_time() - began_s)


def _line_protocol(rounds: int) -> float:
    decoder = LineProtocolDecoder()
    return _measured(
        line_bodies(rounds + 1),
        lambda body: decoder.decode(body, unit_ns=1, arrived_at_ms=0),
        LINES * len(FIELDS),
    )


def line_bodies(count: int, start_ms: int = START_MS) -> list[bytes]:
    """Bodies of line protocol, ten seconds after one another."""
    values = np.random.default_rng(1).random((LINES, len(FIELDS))).round(6) * 100
    heads = [
        f"cpu,cpu=cpu{line % 64},datacenter=eu-1,host=server-{line // 64:04d},rack=r{line % 13}"
        for line in range(LINES)
    ]
    texts = [
        ",".join(f"{field}={value:.6f}" for field, value in zip(FIELDS, row, strict=True))
        for row in values.tolist()
    ]
    return [
        "".join(
            f"{head} {text} {(start_ms + turn * 10_000) * 1_000_000}\n"
            for head, text in zip(heads, texts, strict=True)
        ).encode()
        for turn in range(count)
    ]


def _remote_write(rounds: int, proto: str, each: int) -> float:
    decoder = RemoteWriteDecoder()
    bodies = remote_write_bodies(rounds + 1, proto, each)
    return _measured(bodies, lambda body: decoder.decode(body, proto), SERIES)


def remote_write_bodies(count: int, proto: str, each: int, start_ms: int = START_MS) -> list[bytes]:
    """Bodies of ``SERIES`` samples, ``each`` of a series, 15 seconds after one another."""
    labels = [
        canonical_labels(
            {
                "__name__": "container_cpu_usage_seconds_total",
                "cluster": "prod-eu-1",
                "container": f"c{one % 7}",
                "instance": f"10.0.{one % 250}.12:9100",
                "job": "kubernetes-cadvisor",
                "namespace": f"ns{one % 30}",
                "node": f"node-{one % 40}",
                "pod": f"app-{one:06d}-xyz",
                "region": "eu-west-1",
            }
        )
        for one in range(SERIES // each)
    ]
    encoder, random = RemoteWriteEncoder(), np.random.default_rng(1)
    encode = encoder.v1 if proto == V1_PROTO else encoder.v2
    series = np.repeat(np.arange(len(labels), dtype=np.int32), each)
    at_ms = np.tile(np.arange(each) * 15_000, len(labels))
    return [
        encode(Samples(labels, series, start_ms + turn * 15_000 + at_ms, random.random(SERIES)))
        for turn in range(count)
    ]
