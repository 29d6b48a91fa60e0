"""logfmt, CSV, regular expressions, access logs, syslog, plain lines, typed batches."""

import json

import pyarrow as pa
import pytest

from madang.core.errors import InvalidInputError
from madang.process import StreamDecoder
from madang.project import StreamSpec
from madang.stream import Chunk
from unit.process.conftest import ARRIVAL_US, counted, plain_rows


def letters(decoded):
    return [(e["offset"], e["code"], e["reason"]) for e in decoded.dead.to_pylist()]


def types(decoded):
    own = ("_time", "_partition", "_offset", "_rest")
    return {f.name: str(f.type) for f in decoded.rows.schema if f.name not in own}


def test_plain_lines_lose_only_their_line_ends(decode):
    decoded = decode(["hello \r\n", "two\nlines\n", ""], format="plain")
    assert plain_rows(decoded) == [
        {"message": "hello "},
        {"message": "two\nlines"},
        {"message": ""},
    ]


def test_logfmt(decode):
    decoded = decode(
        [
            'level=info msg="say \\"hi\\" \\u00e9" n=5 took=1.5 ok=true zip=02139 e=\n',
            "n=7 zip=1 a=b=c",
        ],
        format="logfmt",
    )
    assert types(decoded) == {
        "level": "string",
        "msg": "string",
        "n": "int64",
        "took": "double",
        "ok": "bool",
        "zip": "string",
        "e": "string",
        "a": "string",
    }
    assert plain_rows(decoded) == [
        {
            "level": "info",
            "msg": 'say "hi" é',
            "n": 5,
            "took": 1.5,
            "ok": True,
            "zip": "02139",
            "e": "",
        },
        {"n": 7, "zip": "1", "a": "b=c"},
    ]


def test_logfmt_keeps_whole_what_it_cannot_read_in_pairs(decode):
    decoded = decode(["a=1 lone", "a=1 a=2", "nothing", 'a="open'], format="logfmt")
    assert [row.get("_rest") for row in plain_rows(decoded)] == [
        '{"_record":"a=1 lone"}',
        '{"_record":"a=1 a=2"}',
        '{"_record":"a=\\"open"}',
    ]
    assert letters(decoded) == [(2, "no_match", "holds no key=value pair")]


def test_later_text_that_fits_no_number_goes_to_rest(decode):
    schema = decode(["n=1 d=1.5 ok=true"], format="logfmt").rows.schema
    decoded = decode(
        ["n=007 d=x ok=yes", "n=1.0 d=2 ok=", "n=99999999999999999999"], schema, format="logfmt"
    )
    assert plain_rows(decoded) == [
        {"_rest": '{"n":"007","d":"x","ok":"yes"}'},
        {"d": 2.0, "_rest": '{"n":"1.0"}'},
        {"_rest": '{"n":"99999999999999999999"}'},
    ]
    assert counted(decoded) == {"n": 3, "d": 1, "ok": 1}


CSV = [
    '1,"a ""q"", b",,',
    '2,"two\nlines","",x',
    '3,"open',
    "4,b",
    "5,a,b,c,d",
    '6" pipe,7" pipe,z,',
    'a",b,"c,d',
    "",
]


def test_csv(decode):
    decoded = decode(CSV, format="csv", header=("id", "text", "e", "day"))
    assert plain_rows(decoded) == [
        {"id": "1", "text": 'a "q", b'},
        {"id": "2", "text": "two\nlines", "e": "", "day": "x"},
        {"id": '6" pipe', "text": '7" pipe', "e": "z"},
    ]
    assert letters(decoded) == [
        (2, "invalid_csv", "a quote is opened and not closed, or closed inside a field"),
        (3, "invalid_csv", "2 fields, the header names 4"),
        (4, "invalid_csv", "5 fields, the header names 4"),
        (6, "invalid_csv", "a quote is opened and not closed, or closed inside a field"),
        (7, "invalid_csv", "an empty line"),
    ]


def test_csv_takes_the_request_s_header_and_declared_types(decode):
    decoded = decode(
        ["1;2026-01-02;x", "2;soon;y"],
        attributes={"format": "csv", "header": "\ufeffn;day;n"},
        delimiter=";",
        columns={"day": "date"},
    )
    assert [str(row.get("day")) for row in plain_rows(decoded)] == ["2026-01-02", "None"]
    assert [row["n_2"] for row in plain_rows(decoded)] == ["x", "y"]
    assert plain_rows(decoded)[1]["_rest"] == '{"day":"soon"}'
    assert decode(["1,2"], format="csv").rows.column_names[3:5] == ["column1", "column2"]


def test_regex(decode):
    pattern = r"^(?<level>[A-Z]+) (\d+ )?(?P<code>\d+)?: (?P<text>.*)$"
    decoded = decode(["WARN 7 12: a\nb", "INFO : c", "nope"], format="regex", pattern=pattern)
    assert plain_rows(decoded) == [
        {"level": "WARN", "code": 12, "text": "a\nb"},
        {"level": "INFO", "text": "c"},
    ]
    assert letters(decoded) == [(2, "no_match", "does not match the pattern")]


@pytest.mark.parametrize("pattern", ["(?P<a>x", "(?P<a>x)(?=y)", "no groups", None])
def test_patterns_that_cannot_be_used_are_told_at_once(pattern):
    spec = StreamSpec(name="s", format="regex", pattern="(?P<a>x)")
    with pytest.raises(InvalidInputError, match="pattern"):
        StreamDecoder(spec.model_copy(update={"pattern": pattern}), zone="UTC", project_dir=".")


ACCESS = [
    '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif?x=1 HTTP/1.0" 200 2326'
    ' "http://example.com/" "Mozilla/4.08 [en] (Win98; \\"I\\" ;Nav)"\n',
    '::1 - - [21/Nov/2025:07:31:59 +0900] "-" 408 - "-" "-"',
    'x.org:443 1.2.3.4 - - [21/Nov/2025:07:31:59 +0900] "\\x16\\x03" 400 226 "-" "-" rt=0.5',
    '1.1.1.1 - - [21/Nov/2025:07:31:59 +0900] "POST /a b HTTP/1.1" 201 1',
    "not a line",
]


def test_access_logs(decode):
    decoded = decode(ACCESS, format="combined")
    rows = plain_rows(decoded)
    assert str(rows[0].pop("time")) == "2000-10-10 20:55:36+00:00"
    assert str(decoded.rows.column("_time")[0]) == "2000-10-10 20:55:36+00:00"
    assert rows[0] == {
        "host": "127.0.0.1",
        "user": "frank",
        "method": "GET",
        "path": "/a.gif?x=1",
        "protocol": "HTTP/1.0",
        "status": 200,
        "bytes": 2326,
        "referer": "http://example.com/",
        "agent": 'Mozilla/4.08 [en] (Win98; "I" ;Nav)',
    }
    assert set(rows[1]) == {"host", "time", "status"}
    assert (rows[2]["vhost"], rows[2]["request"], rows[2]["extra"]) == (
        "x.org:443",
        "\\x16\\x03",
        "rt=0.5",
    )
    assert (rows[3]["path"], rows[3]["bytes"]) == ("/a b", 1)
    assert letters(decoded) == [(4, "no_match", "does not match the combined log format")]


SYSLOG = [
    "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \ufeff'su root' failed",
    '<165>1 2003-10-11T22:14:15.003Z m app 12 - [a@1 x="3" y="q\\"\\]"][b@1 z=""] two\nlines',
    "<13>Oct 11 22:14:15 mymachine su: 'su root' failed",
    "Dec 31 23:59:59 host prog[12]: msg",
    "2025-11-21T07:31:59.123456+09:00 host kernel: [1.2] up",
    "Nov  1 07:31:59 host last message repeated 2 times",
    "Jun 14 15:16:01 combo sshd(pam_unix)[19939]: authentication failure; uid=0 ",
    "junk",
]


def test_syslog(decode):
    decoded = decode(SYSLOG, format="syslog")
    rows = plain_rows(decoded)
    assert [str(row.pop("time")) for row in rows] == [
        "2003-10-11 22:14:15.003000+00:00",
        "2003-10-11 22:14:15.003000+00:00",
        "2025-10-11 22:14:15+00:00",
        "2025-12-31 23:59:59+00:00",
        "2025-11-20 22:31:59.123456+00:00",
        "2025-11-01 07:31:59+00:00",
        "2025-06-14 15:16:01+00:00",
    ]
    assert rows[0] == {
        "host": "mymachine.example.com",
        "app": "su",
        "msgid": "ID47",
        "facility": "auth",
        "severity": "crit",
        "message": "'su root' failed",
    }
    assert json.loads(rows[1]["structured_data"]) == {
        "a@1": {"x": "3", "y": 'q"]'},
        "b@1": {"z": ""},
    }
    assert (rows[1]["pid"], rows[1]["message"]) == ("12", "two\nlines")
    assert (rows[2]["facility"], rows[2]["severity"]) == ("user", "notice")
    assert (rows[3]["app"], rows[3]["pid"], rows[3]["message"]) == ("prog", "12", "msg")
    assert (rows[4]["app"], rows[4]["message"]) == ("kernel", "[1.2] up")
    assert rows[5] == {"host": "host", "message": "last message repeated 2 times"}
    assert (rows[6]["app"], rows[6]["pid"]) == ("sshd(pam_unix)", "19939")
    assert letters(decoded) == [(7, "no_match", "is no line of syslog (RFC 5424 or RFC 3164)")]


@pytest.mark.parametrize("name", ["logfmt", "combined", "syslog", "plain"])
def test_garbage_of_every_kind_ends_somewhere(decode, name):
    garbage = [
        b"",
        b"\n",
        b"\xff\xfe",
        b"\x00",
        b"=",
        b'="',
        b"[" * 5000,
        b'"' * 4999,
        b"<999>1 - - - - - -",
    ]
    decoded = decode(garbage, format=name)
    assert decoded.rows.num_rows + decoded.dead.num_rows == len(garbage)
    again = decode(garbage[:3], decoded.rows.schema, format=name)
    assert again.rows.num_rows + again.dead.num_rows == 3


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_typed_times_of_every_unit(unit):
    decoder = StreamDecoder(StreamSpec(name="s", format="typed"), zone="UTC", project_dir=".")
    per_s = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    ticks = [per_s, -1, 2**63 - 1, 0]
    batch = pa.record_batch({"ts": pa.array(ticks, pa.timestamp(unit)), "v": [1, 2, 3, 4]})
    decoded = decoder.decode([Chunk(0, 0, batch, ARRIVAL_US)], None)
    seconds = [int(t.timestamp()) for t in decoded.rows.column("_time").to_pylist()]
    assert seconds == [1, ARRIVAL_US // 10**6, ARRIVAL_US // 10**6, 0]
    assert decoded.time_fallbacks["out_of_range"].count == 2
    assert [rest is not None for rest in decoded.rows.column("_rest").to_pylist()] == [
        False,
        True,
        True,
        False,
    ]


def test_typed_ts_that_is_no_time_stays_a_column():
    decoder = StreamDecoder(StreamSpec(name="s", format="typed"), zone="UTC", project_dir=".")
    batch = pa.record_batch({"ts": pa.array([5, 6], pa.int64())})
    decoded = decoder.decode([Chunk(0, 0, batch, ARRIVAL_US)], None)
    assert plain_rows(decoded) == [{"ts": 5}, {"ts": 6}]


def test_strict_times_of_a_typed_stream():
    spec = StreamSpec(name="s", format="typed", time={"field": "ts", "on_error": "dead_letter"})
    decoder = StreamDecoder(spec, zone="UTC", project_dir=".")
    batch = pa.record_batch({"ts": pa.array([5, None, 2**61], pa.timestamp("us")), "v": [1, 2, 3]})
    decoded = decoder.decode([Chunk(0, 0, batch, ARRIVAL_US)], None)
    assert plain_rows(decoded) == [{"v": 1}]
    assert decoded.dead.column("code").to_pylist() == ["time_missing", "time_out_of_range"]


def test_typed_batches_come_as_they_are():
    decoder = StreamDecoder(StreamSpec(name="s", format="typed"), zone="UTC", project_dir=".")
    utc = pa.timestamp("us", "UTC")
    batch = pa.record_batch(
        {
            "ts": pa.array([ARRIVAL_US, None, 2**61], utc),
            "name": pa.array(["a", "b", "c"]).dictionary_encode(),
            "v": pa.array([1.5, 2, None], pa.float32()),
            "o": pa.array([{"a": 1}, None, {"a": 2}]),
        }
    )
    first = decoder.decode([Chunk(1, 5, batch, 10**15)], None)
    assert [str(t) for t in first.rows.column("_time").to_pylist()] == [
        "2026-01-01 00:00:00+00:00",
        "2001-09-09 01:46:40+00:00",
        "2001-09-09 01:46:40+00:00",
    ]
    assert plain_rows(first) == [
        {"name": "a", "v": 1.5, "o": {"a": 1}},
        {"name": "b", "v": 2.0},
        {"name": "c", "o": {"a": 2}, "_rest": '{"ts":"75039-04-04 19:00:13.693952+00"}'},
    ]
    assert {reason: one.count for reason, one in first.time_fallbacks.items()} == {
        "missing": 1,
        "out_of_range": 1,
    }
    other = pa.record_batch({"v": ["7", None], "name": ["q", None], "o": [5, 6], "new": [1, 2]})
    second = decoder.decode([Chunk(1, 8, other, 10**15)], first.rows.schema)
    assert plain_rows(second) == [
        {"name": "q", "new": 1, "_rest": '{"v":"7","o":5}'},
        {"new": 2, "_rest": '{"o":6}'},
    ]
