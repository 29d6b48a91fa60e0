from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from madang.collect.families_file import read_metadata
from madang.collect.pushed import FamilyMetadata
from madang.collect.remote_write import CONTENT_TYPES, V1_PROTO, V2_PROTO, RemoteWriteEncoder
from madang.collect.remote_write.snappy import pack
from madang.core.samples import Samples, canonical_labels
from madang.core.units import format_size

PATH = "/prometheus/api/v1/write"
WRITTEN = "X-Prometheus-Remote-Write-{}-Written"


def samples(now_ms, *values, name="up"):
    labels = [canonical_labels({"__name__": name, "n": str(at)}) for at in range(len(values))]
    count = len(values)
    times = np.broadcast_to(now_ms, count).astype(np.int64)
    return Samples(labels, np.arange(count, dtype=np.int32), times, np.array(values, np.float64))


def body(of, proto=V1_PROTO):
    encoder = RemoteWriteEncoder()
    return encoder.v2(of) if proto == V2_PROTO else encoder.v1(of)


def headers(proto=V1_PROTO):
    return {"Content-Type": CONTENT_TYPES[proto], "Content-Encoding": "snappy"}


def send(server, content, proto=V1_PROTO, token="ingest", **more):
    with server.client(token) as client:
        return client.post(PATH, content=content, headers={**headers(proto), **more})


@pytest.mark.parametrize("proto", [V1_PROTO, V2_PROTO])
def test_samples_are_in_the_stream_once_answered(server, stored, now_ms, proto):
    answer = send(server, body(samples(now_ms, 1.5, 2.5), proto), proto)
    assert (answer.status_code, answer.content) == (204, b"")
    assert stored.rows() == [
        ({"__name__": "up", "n": "0"}, now_ms, 1.5, None),
        ({"__name__": "up", "n": "1"}, now_ms, 2.5, None),
    ]
    assert stored.sources() == {"remote_write"}
    if proto == V2_PROTO:
        counts = {what: answer.headers[WRITTEN.format(what)] for what in ("Samples", "Histograms")}
        assert counts == {"Samples": "2", "Histograms": "0"}
        # They are read, and not kept: the sender is not told otherwise.
        assert answer.headers[WRITTEN.format("Exemplars")] == "0"


@pytest.mark.parametrize("proto", [V1_PROTO, V2_PROTO])
def test_what_is_ahead_of_the_clock_is_refused_and_the_rest_stored(server, stored, now_ms, proto):
    times = np.array([now_ms, now_ms + 3_600_000])
    answer = send(server, body(samples(times, 1.0, 2.0), proto), proto)
    assert answer.status_code == 400
    assert answer.text.startswith("a sample 3600 s ahead of the clock")
    assert [row[2] for row in stored.rows()] == [1.0]
    if proto == V2_PROTO:
        assert answer.headers[WRITTEN.format("Samples")] == "1"


def test_a_large_body_is_decoded_in_a_thread_while_others_are_answered(server, stored, now_ms):
    large = body(samples(now_ms, *range(20_000), name="large"))
    small = body(samples(now_ms, 7.0, name="small"))
    answers = []
    threads = [
        threading.Thread(target=lambda one=one: answers.append(send(server, one).status_code))
        for one in (large, small, large, small)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [204] * 4
    assert len(stored.rows()) == 40_002


@pytest.mark.parametrize(
    ("content", "more", "status"),
    [
        (b"", {}, 400),
        (b"no snappy", {}, 400),
        (pack(b"\xff\xff"), {}, 400),
        (b"\xff\xff\xff\xff\x0f" + b"x" * 100, {}, 413),
        (b"x", {"Content-Type": "application/json"}, 415),
        (b"x", {"Content-Encoding": "gzip"}, 415),
        (b"x", {"Content-Type": "application/x-protobuf;proto=what"}, 415),
    ],
)
def test_refusals_are_texts(server, stored, content, more, status):
    answer = send(server, content, **more)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.text.strip()
    assert stored.rows() == []


def test_a_refusal_of_2_says_that_nothing_was_written(server):
    answer = send(server, b"no snappy", V2_PROTO)
    assert answer.status_code == 400
    assert answer.headers[WRITTEN.format("Samples")] == "0"


def test_a_body_over_the_servers_limit_is_refused_unread(server):
    limit = server.project.platform.server.max_body_size
    answer = send(server, b"x" * (limit + 1))
    assert answer.status_code == 413
    assert format_size(limit) in answer.text


def test_who_may(server, now_ms):
    content = body(samples(now_ms, 1.0))
    assert send(server, content, token="read").status_code == 403
    assert send(server, content, token=None).status_code == 401
    assert send(server, content, token="admin").status_code == 204
    with server.client() as client:
        secret = server.tokens["ingest"]
        for auth, status in ((("anyone", secret), 204), (("anyone", "wrong"), 401)):
            answer = client.post(PATH, content=content, headers=headers(), auth=auth)
            assert answer.status_code == status
        assert client.get(PATH).status_code == 405


def test_a_full_disk_is_said_and_nothing_is_kept(server, stored, now_ms):
    server.store.space.min_free_bytes = 2**62
    try:
        answer = send(server, body(samples(now_ms, 1.0)))
        assert answer.status_code == 507
        assert int(answer.headers["Retry-After"]) >= 1
    finally:
        server.store.space.min_free_bytes = 0
    assert stored.rows() == []


@pytest.fixture(scope="module")
def open_client(server):
    with server.client("ingest") as client:
        yield client


HEADER = st.text(st.characters(min_codepoint=33, max_codepoint=255), min_size=1, max_size=60)


@given(text=HEADER.filter(lambda text: not any(127 <= ord(sign) < 161 for sign in text)))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_header_is_too_much(open_client, text):
    for name, value in (
        (b"Content-Encoding", text),
        (b"Content-Type", f"application/x-protobuf;{text}"),
        (b"Content-Type", f"application/x-protobuf;proto={text}"),
    ):
        headers = [(name, value.encode("latin-1"))]
        assert open_client.post(PATH, content=b"x", headers=headers).status_code in (400, 415)


@given(
    content=st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(pack)),
    proto=st.sampled_from([V1_PROTO, V2_PROTO]),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_are_too_much(open_client, content, proto):
    status = open_client.post(PATH, content=content, headers=headers(proto)).status_code
    assert status in (204, 400, 413)


def test_what_is_said_of_families_is_kept(world, now_ms):
    content = RemoteWriteEncoder().v1(
        samples(now_ms, 1.0), [FamilyMetadata("up", "gauge", "Whether it is.")]
    )
    world.serve()
    assert send(world, content).status_code == 204
    world.stop.set()
    world.thread.join(20)
    told = {"type": "gauge", "unit": "", "help": "Whether it is."}
    assert read_metadata(world.data.root / "collect") == {"up": told}
