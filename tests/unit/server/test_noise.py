"""Noise in every place of a request: an answer always comes, and it is never a bug of ours."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madang.server.app import describe

KINDS = [
    "application/x-ndjson",
    "application/json",
    "text/csv",
    "text/plain",
    "application/vnd.apache.arrow.stream",
    "text/plain; charset=utf-16",
    "application/x-www-form-urlencoded",
    "nonsense",
]
TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
PATHS = sorted(
    (method.upper(), path)
    for path, methods in describe().openapi()["paths"].items()
    for method in methods
    if not path.endswith("/tail") and path != "/ingest/{stream}"
)


@pytest.fixture(scope="module")
def client(server):
    with server.client("admin") as opened:
        yield opened


@pytest.fixture(scope="module")
def stream(server):
    return server.new_stream()


@settings(max_examples=150, deadline=None)
@given(
    body=st.one_of(st.binary(max_size=300), st.text(max_size=100).map(str.encode)),
    kind=st.sampled_from(KINDS),
    encoding=st.sampled_from([None, "gzip", "deflate", "zstd", "identity", "br", "gzip, gzip"]),
    key=st.none() | TEXT,
    query=st.sampled_from(["", "?format=csv", "?format=arrow", "?key=a", "?key=%ff", "?%00=1"]),
)
def test_ingest(client, stream, body, kind, encoding, key, query):
    headers = {"Content-Type": kind}
    if encoding:
        headers["Content-Encoding"] = encoding
    if key:
        headers["Idempotency-Key"] = key
    answer = client.post(f"/ingest/{stream}{query}", content=body, headers=headers)
    assert answer.status_code in (200, 400, 409, 413, 415), answer.text
    if answer.status_code != 200:
        assert answer.json()["error"]["message"]


@settings(max_examples=150, deadline=None)
@given(
    where=st.sampled_from(PATHS),
    name=st.one_of(TEXT, st.sampled_from(["%00", "%ff", "..", "%2e%2e", "a" * 3000, "가", "'"])),
    body=st.one_of(
        st.binary(max_size=100),
        st.sampled_from([b"{}", b"[]", b"null", b"1e999", b"[" * 5000, b'{"a":NaN}', b'"\\ud800"']),
    ),
    query=st.sampled_from(
        ["", "?limit=-1", "?limit=1e9", "?offset=99999999999999999999", "?a=%ff"]
    ),
)
def test_api(client, where, name, body, query):
    method, path = where
    name = name.replace("/", "-").replace("?", "-").replace("#", "-")
    url = re.sub(r"\{\w+\}", lambda _: name, path) + query
    answer = client.request(method, url, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code < 500 or answer.status_code in (503,), (url, answer.text)
