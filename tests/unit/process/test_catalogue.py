"""Lines as real systems write them, those among them that other collectors stumbled over."""

import pytest

HEAD = '1.2.3.4 - - [04/Oct/2022:04:34:49 +0200] "GET / HTTP/1.1" 200 5 "-" "curl"'
GET = {"method": "GET", "path": "/", "protocol": "HTTP/1.1", "status": 200, "bytes": 5}
SEEN = {"host": "1.2.3.4", **GET, "agent": "curl"}


def fields(row):
    return {name: value for name, value in row.items() if name not in ("time", "_rest")}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (HEAD, SEEN),
        # The format of nginx' own container ends with X-Forwarded-For.
        (f'{HEAD} "-"', SEEN),
        (f'{HEAD} "10.0.0.1, 10.0.0.2"', {**SEEN, "forwarded_for": "10.0.0.1, 10.0.0.2"}),
        (f'{HEAD} "-" rt=0.1 uct="0.0"', {**SEEN, "extra": 'rt=0.1 uct="0.0"'}),
        # Kubernetes' ingress.
        (
            f"{HEAD} 120 0.005 [up] [] 10.0.0.1:80 5 0.004 200 abc",
            {**SEEN, "extra": "120 0.005 [up] [] 10.0.0.1:80 5 0.004 200 abc"},
        ),
        # HTTP/0.9, as load balancers probe.
        (
            '127.0.0.1 - - [10/Jan/2015:17:52:50 +0900] "GET /index.html" 200 612 "-" "-"',
            {
                "host": "127.0.0.1",
                "method": "GET",
                "path": "/index.html",
                "status": 200,
                "bytes": 612,
            },
        ),
        # TLS or worse to a plain port; nothing at all; a client that timed out.
        (
            r'1.2.3.4 - - [03/Oct/2022:21:59:42 +0200] "\x16\x03\x01\x00 Cookie: x"'
            ' 400 150 "-" "-"',
            {
                "host": "1.2.3.4",
                "request": r"\x16\x03\x01\x00 Cookie: x",
                "status": 400,
                "bytes": 150,
            },
        ),
        (
            '1.2.3.4 - - [04/Oct/2022:04:34:49 +0200] "" 400 0 "-" "-"',
            {"host": "1.2.3.4", "status": 400, "bytes": 0},
        ),
        (
            '1.2.3.4 - - [04/Oct/2022:04:34:49 +0200] "-" 408 - "-" "-"',
            {"host": "1.2.3.4", "status": 408},
        ),
        # Apache escapes quotes with a backslash.
        (
            r'2001:db8::1 - kim [10/Jan/2015:17:52:50 +0900] "GET /a?b=\"c\" HTTP/2.0" 200 6'
            r' "http://x/\"q\"" "Mozilla \"5\""',
            {
                "host": "2001:db8::1",
                "user": "kim",
                "method": "GET",
                "path": '/a?b="c"',
                "protocol": "HTTP/2.0",
                "status": 200,
                "bytes": 6,
                "referer": 'http://x/"q"',
                "agent": 'Mozilla "5"',
            },
        ),
        # Users with dots, spaces, and two blanks behind them.
        (
            '1.2.3.4 - first.last  [24/Mar/2021:18:14:20 -0300] "GET / HTTP/1.1" 200 5',
            {"host": "1.2.3.4", "user": "first.last", **GET},
        ),
        (
            '1.2.3.4 - John Q Smith [24/Mar/2021:18:14:20 -0300] "GET / HTTP/1.1" 200 5',
            {"host": "1.2.3.4", "user": "John Q Smith", **GET},
        ),
        (
            'www.example.com:443 1.2.3.4 - - [24/Mar/2021:18:14:20 -0300] "GET / HTTP/1.1" 200 5',
            {"vhost": "www.example.com:443", "host": "1.2.3.4", **GET},
        ),
        (
            'unix: - - [24/Mar/2021:18:14:20.123 -0300] "GET / HTTP/1.1" 200 5',
            {"host": "unix:", **GET},
        ),
        # Cut off by whoever wrote it.
        (
            '1.2.3.4 - - [24/Mar/2021:18:14:20 -0300] "GET / HTTP/1.1" 200 5 "http://x" "Mozi',
            {"host": "1.2.3.4", **GET, "extra": '"http://x" "Mozi'},
        ),
    ],
)
def test_access_logs_of_the_world(decode, row, line, expected):
    assert fields(row(line, format="combined")) == expected
    assert decode([line], format="combined").time_fallbacks == {}


@pytest.mark.parametrize(
    ("line", "at", "expected"),
    [
        # Around New Year the year is the one that is near the arrival, 2026-01-01 00:00.
        (
            "Dec 31 23:59:59 host sshd[12]: late",
            "2025-12-31T23:59:59+00:00",
            {"host": "host", "app": "sshd", "pid": "12", "message": "late"},
        ),
        (
            "<13>Jan  1 00:00:30 host sshd[12]: early",
            "2026-01-01T00:00:30+00:00",
            {
                "host": "host",
                "app": "sshd",
                "pid": "12",
                "message": "early",
                "facility": "user",
                "severity": "notice",
            },
        ),
        # rsyslog's own file format.
        (
            "2025-11-21T07:31:59.123456+09:00 host systemd[1]: Started",
            "2025-11-20T22:31:59.123456+00:00",
            {"host": "host", "app": "systemd", "pid": "1", "message": "Started"},
        ),
        # busybox and some routers name no host.
        (
            "<13>Jan  1 00:00:05 root: hello",
            "2026-01-01T00:00:05+00:00",
            {"app": "root", "message": "hello", "facility": "user", "severity": "notice"},
        ),
        # A priority and nothing else that is known: all of it is the message.
        (
            "<13>just a message",
            None,
            {"message": "just a message", "facility": "user", "severity": "notice"},
        ),
        (
            "<189>29: *Mar 1 18:46:11: %SYS-5-CONFIG_I: done",
            None,
            {
                "message": "29: *Mar 1 18:46:11: %SYS-5-CONFIG_I: done",
                "facility": "local7",
                "severity": "notice",
            },
        ),
        (
            "Nov 21 07:31:59 fe80::1 app: x",
            "2025-11-21T07:31:59+00:00",
            {"host": "fe80::1", "app": "app", "message": "x"},
        ),
        (
            "Nov 21 07:31:59 host last message repeated 2 times",
            "2025-11-21T07:31:59+00:00",
            {"host": "host", "message": "last message repeated 2 times"},
        ),
        # A parameter may be repeated (RFC 5424, 6.3.5).
        (
            '<165>1 2003-10-11T22:14:15Z h a - ID47 [origin ip="1" ip="2"] m',
            "2003-10-11T22:14:15+00:00",
            {
                "host": "h",
                "app": "a",
                "msgid": "ID47",
                "structured_data": '{"origin":{"ip":["1","2"]}}',
                "message": "m",
                "facility": "local4",
                "severity": "notice",
            },
        ),
        (
            '<165>1 2003-10-11T22:14:15Z h a - - [a b="1"][a b="2"] m',
            "2003-10-11T22:14:15+00:00",
            {
                "host": "h",
                "app": "a",
                "structured_data": '"[a b=\\"1\\"][a b=\\"2\\"]"',
                "message": "m",
                "facility": "local4",
                "severity": "notice",
            },
        ),
    ],
)
def test_syslog_of_the_world(decode, row, line, at, expected):
    assert fields(row(line, format="syslog")) == expected
    decoded = decode([line], format="syslog")
    found = decoded.rows.column("_time")[0].as_py()
    assert found.isoformat() == (at or "2026-01-01T00:00:00+00:00")
    assert list(decoded.time_fallbacks) == ([] if at else ["missing"])


DAMAGED = ["no syslog", "<999>x", "<165>1 2003-10-11T22:14:15Z h a - - [bad x"]


@pytest.mark.parametrize("line", DAMAGED)
def test_what_is_no_syslog_is_a_dead_letter(decode, line):
    assert decode([line], format="syslog").dead.column("code").to_pylist() == ["no_match"]
