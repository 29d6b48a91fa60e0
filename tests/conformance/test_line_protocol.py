"""InfluxData's corpus of line protocol: accept or refuse, and values."""

from __future__ import annotations

import base64
import gzip
import json

import pytest

from conformance.cases import CASES, needs
from madang.collect.line_protocol import (
    LineError,
    LineProtocolDecoder,
    Point,
    Unsigned,
    encode_point,
    parse_line,
)
from madang.core.errors import InvalidInputError

pytestmark = needs("line_protocol")
UNITS_NS = {"1ns": 1, "1µs": 1_000, "1ms": 1_000_000, "1s": 1_000_000_000}
LEFT_OUT: dict[str, str] = {}
"""Cases that are left out, by key, with the reason."""


@pytest.fixture(scope="module")
def corpus():
    with gzip.open(CASES / "line_protocol" / "corpus.json.gz") as file:
        return json.load(file)


def raw(text) -> bytes:
    return base64.b64decode(text["binary"]) if isinstance(text, dict) else text.encode()


def field_value(tagged):
    ((kind, value),) = tagged.items()
    types = {"float": float, "int": int, "uint": Unsigned, "bool": bool}
    return types[kind](value) if kind in types else raw(value).decode()


def points_of(listed):
    return [
        Point(
            raw(one["name"]).decode(),
            tuple((raw(tag["key"]).decode(), raw(tag["value"]).decode()) for tag in one["tags"]),
            tuple((raw(f["key"]).decode(), field_value(f["value"])) for f in one["fields"]),
            one["time"],
        )
        for one in listed
    ]


def parsed(case):
    """The points of a case, or None where a line is refused."""
    text, unit_ns, at = raw(case["text"]), UNITS_NS[case["precision"]], 0
    arrival = case["defaultTime"] // unit_ns * unit_ns
    found = []
    while at < len(text):
        try:
            point, at = parse_line(text, at, unit_ns)
        except LineError:
            return None
        if point is not None:
            time_ns = arrival if point.time_ns is None else point.time_ns
            found.append(Point(point.measurement, point.tags, point.fields, time_ns))
    return found


def exact(points):
    """Values with their types: 1, 1.0, True and an unsigned 1 are equal."""
    return points and [(p, [type(value) for _, value in p.fields]) for p in points]


def tell(name, wrong, count, capsys):
    with capsys.disabled():
        passed = count - len(wrong) - len(LEFT_OUT)
        print(f"\nline protocol, {name}: {passed} of {count}", end=" ")
        for key, reason in LEFT_OUT.items():
            print(f"\n  left out: {key}: {reason}", end="")


def test_decoding(corpus, capsys):
    cases = corpus["decode"]
    wrong = {}
    for key, case in cases.items():
        result = case["output"].get("result")
        expected = points_of(result) if result is not None else None
        found = parsed(case["input"])
        if exact(found) != exact(expected) and key not in LEFT_OUT:
            wrong[key] = (case, found)
    tell("decoding", wrong, len(cases), capsys)
    assert len(cases) == 6615
    assert wrong == {}


def test_the_whole_decoder_agrees_with_the_parser(corpus):
    """What is decoded in bulk is what the parser says, case by case and all in one body."""
    decoder = LineProtocolDecoder()
    good = []
    for case in corpus["decode"].values():
        text, unit_ns = raw(case["input"]["text"]), UNITS_NS[case["input"]["precision"]]
        pushed = decoder.decode(text, unit_ns=unit_ns, arrived_at_ms=0)
        result = case["output"].get("result")
        if result is None:
            assert pushed.refused_count > 0, text
        elif not pushed.refused_count:
            values = sum(
                "string" not in f["value"]
                for point in points_of_fields(result)
                for f in point.values()
            )
            assert len(pushed.samples) == values, text
            good.append((text, values))
    assert len(good) > 380
    body = b"\n".join(text for text, _ in good)
    assert len(decoder.decode(body, unit_ns=1, arrived_at_ms=0).samples) == sum(n for _, n in good)


def points_of_fields(result):
    return [{field["key"]: field for field in point["fields"]} for point in result]


def test_encoding(corpus, capsys):
    cases = corpus["encode"]
    wrong = {}
    for key, case in cases.items():
        given, expected = case["input"], case["output"].get("result")
        (point,) = points_of([given["point"]])
        try:
            written = encode_point(point, UNITS_NS[given["precision"]])
        except InvalidInputError as error:
            written = error
        same = isinstance(written, InvalidInputError) if expected is None else written == expected
        if not same and key not in LEFT_OUT:
            wrong[key] = (case, written)
    tell("encoding", wrong, len(cases), capsys)
    assert len(cases) == 115
    assert wrong == {}
