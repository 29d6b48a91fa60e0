"""Whatever bytes come in whatever format: each record is one row or one dead letter.

Real lines are cut, mended with what parsers stumble over, and mixed with noise.
"""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madang.process import StreamDecoder
from madang.project import StreamSpec
from madang.stream import Chunk
from madang.testing.records import record_batch

FORMATS = {
    "json": {"format": "json"},
    "json, declared": {
        "format": "json",
        "columns": {"a": "timestamp", "b": "long", "c": "date", "d": "json", "e": "boolean"},
    },
    "json, contract": {
        "format": "json",
        "contract": {"schema": {"type": "object", "properties": {"a": {"type": "integer"}}}},
    },
    "logfmt": {"format": "logfmt"},
    "csv": {"format": "csv"},
    "csv, header": {"format": "csv", "header": ["a", "b", "a"], "delimiter": ";"},
    "regex": {"format": "regex", "pattern": r"^(?P<a>\S+)(?:\s+(?P<b>.*?))?(?P<c>\d*)$"},
    "combined": {"format": "combined"},
    "syslog": {"format": "syslog"},
    "plain": {"format": "plain"},
}
LINES = [
    '{"a":"2026-01-01T00:00:00Z","b":[1,2.5,"x",null],"c":{"d":{"e":{"f":1}}},"e":true}',
    '{"a":18446744073709551616,"b":"\\ud83d\\ude00\\u0000","a":1}',
    'level=info msg="it \\"works\\"\\n" dur=1.5ms path=/a/b?c=d empty= lonely',
    '1,"two ""quoted""",3,"line\nend",',
    "a;b;c",
    '203.0.113.7 - kim [21/Nov/2026:07:31:59 +0900] "GET /a?b=\\"c\\" HTTP/1.1" 200 512 "-" "curl"',
    '2001:db8::1 - - [21/Nov/2026:07:31:59 +0000] "\\x16\\x03\\x01" 400 - "-" "-" 0.001',
    '<165>1 2026-11-21T07:31:59.003Z host app 12 ID47 [a@1 b="c\\]" b="\\"d"][e] \ufeffhello',
    "<13>Nov 21 07:31:59 host app[12]: message",
    "2026-11-21T07:31:59.123456+09:00 host kernel: [ 1.0] message",
    "Feb 29 23:59:60 host sshd[1]:",
    "가나다 로그 메시지 레벨=정보",
]
NASTY = [
    b"\x00",
    b"\xef\xbb\xbf",
    b"\r",
    b"\r\n",
    b"\n",
    b'"',
    b"'",
    b"\\",
    b"\\u",
    b"\\ud800",
    b"=",
    b"[",
    b"]",
    b"{",
    b"}",
    b",",
    b";",
    b" ",
    b"\t",
    b"\x1b[31m",
    b"-",
    b"NaN",
    b"1e999",
    b"9" * 400,
    b"<999>",
    b"<191>1 ",
    "\u202e\u200f".encode(),
    "\u2028\u0085".encode(),
    "e\u0301\U0001f469\u200d\U0001f4bb".encode(),
    "한글".encode("cp949"),
    b"\xed\xa0\x80",
    b"\xc3\x28",
    b"\xf4\x90\x80\x80",
    b"%s%n{}$1",
    b"0000-00-00",
    b"9999-12-31T23:59:60Z",
]
lines = st.sampled_from(LINES).map(str.encode)
cut = st.tuples(lines, st.integers(0, 120), st.integers(0, 120)).map(
    lambda it: it[0][min(it[1], it[2]) : max(it[1], it[2])]
)
mended = st.tuples(lines, st.sampled_from(NASTY), st.integers(0, 120)).map(
    lambda it: it[0][: it[2]] + it[1] + it[0][it[2] :]
)
noise = st.lists(st.one_of(st.sampled_from(NASTY), st.binary(max_size=4)), max_size=10).map(
    b"".join
)
records = st.one_of(lines, cut, mended, noise, st.binary(max_size=30), cut.map(lambda x: x * 3))


def decode(spec, batch, schema=None, **attributes):
    decoder = StreamDecoder(StreamSpec(name="s", **spec), zone="Asia/Seoul", project_dir=".")
    return decoder.decode([Chunk(0, 0, record_batch(batch), 10**15, attributes)], schema)


def check(decoded, batch):
    rows = decoded.rows.column("_offset").to_pylist()
    dead = decoded.dead.to_pylist()
    assert sorted([*rows, *(letter["offset"] for letter in dead)]) == list(range(len(batch)))
    for letter in dead:
        assert letter["code"] != "undecodable"
        assert letter["reason"]
        assert letter["value"] == batch[letter["offset"]]
    decoded.rows.validate(full=True)
    assert decoded.rows.column("_time").null_count == 0


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=15)
@given(batches=st.lists(st.lists(records, min_size=1, max_size=6), min_size=1, max_size=2))
def test_fuzz_each_record_is_one_row_or_one_letter(name, batches):
    schema = None
    for batch in batches:
        decoded = decode(FORMATS[name], batch, schema)
        check(decoded, batch)
        schema = decoded.rows.schema if decoded.rows.num_rows else schema


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=8)
@given(batch=st.lists(records, min_size=1, max_size=4), on_error=st.booleans())
def test_fuzz_with_a_time_field(name, batch, on_error):
    field = {"combined": "time", "syslog": "time", "plain": "message"}.get(name, "a")
    time_spec = {"field": field, "on_error": "dead_letter" if on_error else "arrival"}
    check(decode({**FORMATS[name], "time": time_spec}, batch), batch)


@given(batch=st.lists(records, min_size=1, max_size=5), header=st.one_of(cut, noise))
def test_fuzz_csv_headers(batch, header):
    text = header.decode("utf-8", "replace")
    check(decode({"format": "csv"}, batch, header=text), batch)


@given(values=st.lists(st.text(max_size=20), min_size=1, max_size=6))
def test_fuzz_plain_lines_keep_every_character(values):
    batch = [value.encode("utf-8", "replace") for value in values]
    found = decode({"format": "plain"}, batch).rows.column("message").to_pylist()
    assert found == [raw.decode().rstrip("\r\n") for raw in batch]


MIB = 2**20
HUGE = {
    "brackets": b"[" * MIB,
    "objects": b'{"a":' * (MIB // 5),
    "quotes": b'"' * MIB,
    "escapes": b'"' + b"\\" * (MIB - 2) + b'"',
    "spaces": b"{" + b" " * (MIB - 2) + b"}",
    "commas": b"," * MIB,
    "blanks behind commas": b'{"a":[1' + b", " * (MIB // 2 - 8) + b"]}",
    "pairs": b"a=b " * (MIB // 4),
    "equals": b"a=" * (MIB // 2),
    "elements": b"<1>1 - - - - - " + b"[" * (MIB - 20) + b" x]",
    "parameters": b"<1>1 - - - - - [a" + b' b="c"' * (MIB // 6 - 20) + b" x]",
    "open parameters": b'<1>1 - - - - - [a b="' + b"\\\\" * (MIB // 2 - 20) + b'" x]',
    "syslog digits": b"<1>" + b"1" * (MIB - 4),
    "colons": b"Nov 21 07:31:59 host " + b"a:" * (MIB // 2 - 20),
    "request": b'1 - - [t] "' + b"G " * (MIB // 2 - 20) + b'" 200 1',
    "open request": b'1 - - [t] "' + b'\\"' * (MIB // 2 - 20),
    "words": b"a " * (MIB // 2),
    "zeros": b"0" * MIB,
    "nulls": b"\x00" * MIB,
    "digits": b'{"a":' + b"9" * (MIB - 6) + b"}",
    "fraction": b'{"a":0.' + b"9" * (MIB - 8) + b"}",
}


@pytest.mark.parametrize("name", FORMATS)
def test_huge_records_take_no_more_than_their_length(name):
    batch = list(HUGE.values())
    began = time.process_time()
    decoded = decode({**FORMATS[name], "max_record_size": 2 * MIB}, batch)
    check(decoded, batch)
    # A tenth of a second for each would be slow; what backtracks takes hours.
    assert time.process_time() - began < 60


@pytest.mark.parametrize(
    "pattern", [r"^(?P<x>(a+)+)$", r"(?P<x>(?:a|aa)+)b", r"(?P<x>.*.*.*.*=.*)"]
)
def test_patterns_that_explode_elsewhere_are_linear_here(pattern):
    batch = [b"a" * 100_000 + b"!", b"=" * 100_000]
    began = time.process_time()
    check(decode({"format": "regex", "pattern": pattern}, batch), batch)
    assert time.process_time() - began < 30


def test_korean_in_cp949_is_a_dead_letter_that_names_the_byte():
    decoded = decode({"format": "plain"}, ["오류: 한글".encode("cp949"), "오류: 한글".encode()])
    (letter,) = decoded.dead.to_pylist()
    assert (letter["code"], letter["offset"]) == ("invalid_utf8", 0)
    assert "0xbf" in letter["reason"]
