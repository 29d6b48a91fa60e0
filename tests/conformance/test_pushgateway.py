"""The same requests to Debian's Pushgateway and to Madang: same answers, same groups behind them.

Where Madang differs on purpose, docs/pushgateway.md says so, and the requests here leave it out.
"""

from __future__ import annotations

import base64
import http.client
import re
import subprocess
import time
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from debian_programs import debian_program
from madang.collect.pushgateway.messages import family_class
from madang.testing.running_platform import RunningPlatform, free_port, write_project

pytestmark = pytest.mark.slow

PROTOBUF = (
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)
_OWN = re.compile(r"(?:# (?:HELP|TYPE) )?(?:go_|process_|promhttp_|pushgateway_)")
_TIME = re.compile(r"^(push(?:_failure)?_time_seconds\{.*\}) [1-9].*$")


@dataclass
class Request:
    """A request, as it is sent to both."""

    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Gateway:
    """One of the two."""

    def __init__(self, port: int) -> None:
        self._port = port

    def send(self, request: Request) -> tuple[int, str]:
        """Status and text of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            connection.request(request.method, request.path, request.body, request.headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode("latin-1")
        finally:
            connection.close()

    def page(self) -> list[str]:
        """The metrics that were pushed, without times; in their order but for equal ranks."""
        status, text = self.send(Request("GET", "/metrics"))
        assert status == 200, text
        lines = [one for one in text.splitlines() if not _OWN.match(one)]
        return [_TIME.sub(r"\1 <time>", one) for one in lines]


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """Debian's and ours."""
    program = debian_program("prometheus-pushgateway", "usr/bin/prometheus-pushgateway")
    port = free_port()
    process = subprocess.Popen(
        [program, f"--web.listen-address=127.0.0.1:{port}", "--web.enable-admin-api"],
        stderr=subprocess.DEVNULL,
    )
    folder = tmp_path_factory.mktemp("pushgateway")
    own_port = free_port()
    lines = (
        "metrics: {pushgateway: {admin_api: true}}",
        "storage: {min_free: 0}",
        f"server: {{ports: {{pushgateway: {{port: {own_port}}}}}}}",
    )
    project = write_project(folder / "project", {"madang.yml": "\n".join(lines)})
    theirs = Gateway(port)
    try:
        with RunningPlatform(project, folder / "data"):
            ours = Gateway(own_port)
            _wait(theirs)
            yield theirs, ours
    finally:
        process.terminate()
        process.wait(20)


def _wait(gateway: Gateway) -> None:
    for _ in range(200):
        try:
            if gateway.send(Request("GET", "/-/ready"))[0] == 200:
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError


def wipe(both) -> None:
    for gateway in both:
        assert gateway.send(Request("PUT", "/api/v1/admin/wipe"))[0] == 202
    settle(both)


def settle(both) -> None:
    """Wait until the real one has done what it has only queued: deletions."""
    for gateway in both:
        assert gateway.send(Request("POST", "/metrics/job/settle"))[0] == 200


def same(both, requests: list[Request], shown=lambda page: page) -> list[str]:
    """Send all to both; the page that both have then, where ``shown`` of it is equal."""
    theirs, ours = both
    for request in requests:
        their_answer, our_answer = theirs.send(request), ours.send(request)
        assert our_answer[0] == their_answer[0], (request, their_answer, our_answer)
    settle(both)
    page = theirs.page()
    assert shown(ours.page()) == shown(page), requests
    return page


def post(path: str, body: str = "", **headers: str) -> Request:
    return Request("POST", f"/metrics/job/{path}", body.encode(), headers)


def put(path: str, body: str = "") -> Request:
    return Request("PUT", f"/metrics/job/{path}", body.encode())


def delete(path: str) -> Request:
    return Request("DELETE", f"/metrics/job/{path}")


BODIES = [
    "", "\n", "some_metric 3.14\n", "some_metric 3.14", "a 1\r\n", "a\n", "a 1 \n", "a 1 1\n",
    "a 1 1 \n", "a 1 x\n", " \t a\t \t1\n", "a-1\n", "a{} 1\n", "a{}1\n", "a {} 1\n",
    'a{b="c"} 1\n', 'a{b="c",} 1\n', "a{,} 1\n", 'a{b="c",,} 1\n', 'a{b="c" c="d"} 1\n',
    'a { b = "c" , d = "e" } 1\n', 'a{b="c"}1\n', 'a{b="c\\"\\\\\\n"} 1\n', 'a{b="\\t"} 1\n',
    'a{b="c\nd"} 1\n', 'a{b="c', "a{b=", "a{b", "a{", "a", "9a 1\n", "a.b 1\n", ":a:b 1\n",
    'a{b:c="d"} 1\n', 'a{__name__="d"} 1\n', 'a{__b="d"} 1\n', 'a{b="c",b="d"} 1\n',
    'a{b=""} 1\n', 'a{instance="x"} 1\n', 'a{job="x",instance=""} 1\n', "a NaN\n", "a nan\n",
    "a +NaN\n", "a +Inf\n", "a -inf\n", "a infinity\n", "a Infinit\n", "a 1e3\n", "a 1E+3\n",
    "a .5\n", "a 5.\n", "a .\n", "a 1e\n", "a 0x1\n", "a 0x1p3\n", "a 1_000\n", "a 1e400\n",
    "a 1e-400\n", "a 1,5\n", "a 0.1\n", "a 123456789\n", "a 1e21\n", "a 123456789012345678901\n",
    "a 0.000012\n", "a 1e-7\n", "a -0\n", "a 1.7976931348623157e308\n", "a 1\na 1\n",
    "a 1\na 2\n", 'a{b="1"} 1\na{b="2"} 2\na{b="10"} 3\n', 'a{b="c"} 1\na{c="b"} 2\n',
    "# HELP a b\na 1\n", "# HELP a \na 1\n", "# HELP a\na 1\n", "# HELP a b\\\\c\\nd\na 1\n",
    "# HELP a b\\tc\na 1\n", "# HELP a b\\\na 1\n", "# HELP a b\n# HELP a b\na 1\n",
    "#HELP a b\na 1\n", "#  HELP \t a \t b  \na 1\n", "# HELP a-b c\na 1\n", "# HELP 9 c\na 1\n",
    "# HELP a b", "#", "# \n", "# x\n", "#x y z\n", "# HELP\n", "# HELP \n", "# TYPE a\na 1\n",
    "# EOF\n", "# UNIT a b\na 1\n", "# TYPE a counter\na 1\n", "# TYPE a COUNTER\na 1\n",
    "# TYPE a gauge \na 1\n", "# TYPE a none\n", "# TYPE a untyped\na 1\n",
    "# TYPE a unknown\na 1\n", "# TYPE a info\na 1\n",
    "# TYPE a counter\n# TYPE a counter\na 1\n", "a 1\n# TYPE a counter\n", "a 1\n# HELP a b\n",
    "# TYPE a counter\n", "# TYPE a counter\n# HELP b c\nc 1\n", "# TYPE a counter\na_total 1\n",
    "# TYPE a_total counter\na_total 1\n",
    '# TYPE s summary\ns{quantile="0.5"} 1\ns_sum 2\ns_count 3\n', "# TYPE s summary\ns 1\n",
    "# TYPE s summary\ns_sum 2\n", "# TYPE s summary\ns_count 3\ns_count 4\n",
    '# TYPE s summary\ns{quantile="x"} 1\n', "# TYPE s summary\ns_bucket 1\n",
    '# TYPE s summary\ns{quantile="0.9",a="b"} 1\ns{a="b",quantile="0.5"} NaN\ns_sum{a="b"} 1\n',
    '# TYPE s summary\ns{quantile="NaN"} 1\ns_sum 1\n', "s_sum 1\n# TYPE s summary\ns_sum 2\n",
    '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="+Inf"} 2\nh_sum 3\nh_count 2\n',
    '# TYPE h histogram\nh_bucket{le="1.0"} 1\nh_sum 3\nh_count 2\n',
    "# TYPE h histogram\nh 1\n", '# TYPE h histogram\nh_bucket{le="1"} 1\nh_bucket{le="1"} 2\n',
    "# TYPE h histogram\nh_sum 1\n", "# TYPE h histogram\nh_bucket 1\n",
    '# TYPE h histogram\nh_bucket{le="x"} 1\n',
    '# TYPE h histogram\nh_bucket{le="5"} 5\nh_bucket{le="1"} 1\nh_count 5\n',
    '# TYPE h histogram\nh_bucket{le="1",a="b"} 1\nh_count{a="b"} 1\nh_count{a="c"} 2\n',
    "h_count 1\n# TYPE h histogram\nh_sum 1\n", "# TYPE h histogram\nh_sum 1\nh_total 2\n",
    "# TYPE _count histogram\n_count 1\n", "_sum 1\n", "_bucket 1\n",
    "x_sum 1\nx_count 2\nx 3\n", "push_time_seconds 1\n", "push_time_seconds 1 2\n",
    "# TYPE push_time_seconds counter\npush_time_seconds 1\n", 'a{b="\xe9"} 1\n', "a \xe9\n",
    "# HELP a \xe9\na 1\n",
]  # fmt: skip


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_bodies(both, method):
    """Each body into a group of its own, and again over a group that holds something."""
    for body in BODIES:
        for encoding in ("utf-8",) if body.isascii() else ("utf-8", "latin-1"):
            wipe(both)
            raw = body.encode(encoding)
            begun = Request("POST", "/metrics/job/k", b"other 1\n")
            same(both, [begun, *(Request(method, f"/metrics/job/{job}", raw) for job in "jk")])


PATHS = [
    "some_job", "some_job/", "a%2Fb", "a%2Fb/c", "j/instance/i", "j/a", "j/a/", "j/a/b/c",
    "j/1a/b", "j/a-b/c", "j/a.b/c", "j/__a/b", "j/__name__/b", "j/a@base64/Yg",
    "j/a@base64/Yg==", "j/a@base64/=", "j/a@base64/!", "j/a@base64/Y", "j/a@base64/YQ=Y",
    "j/job/k", "j/a/1/a/2", "j/a@base64/YS9i/c/d", "j/%61/b", "j/a/%20", "j/a/%C3%A9",
    "j/a/b%3Fc", "j/a/b?c=d", "j/@base64/Yg", "j/a@base64@base64/Yg", "j/instance@base64/=",
    "%20", "j/U__a_2e_b/c", "j/a/+", "j/a/..%2e",
]  # fmt: skip


def test_paths(both):
    wipe(both)
    for path in PATHS:
        body = 'm{instance="own",a="x",b="y"} 1\n'
        same(both, [post(path, body)])
        same(both, [put(path, body)])
        same(both, [delete(path)])
    # The last is none, and comes last: Debian's version answers nothing more on that path.
    for name in ("Yg", "L3Zhci90bXA", "Yg==", "=", "!"):
        for method in ("POST", "PUT", "DELETE"):
            same(both, [Request(method, f"/metrics/job@base64/{name}", b"n 1\n")])
            same(both, [Request(method, f"/metrics/job@base64/{name}/a@base64/=/c/d", b"n 1\n")])


def test_routes(both):
    wipe(both)
    methods = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD")
    paths = (
        "/metrics", "/metrics/job/j", "/metrics/job", "/metrics/jobs/a", "/metrics/x/y", "/nothing",
        "/-/healthy", "/-/ready", "/-/quit", "/api/v1/status", "/api/v1/metrics",
    )  # fmt: skip
    for path in paths:
        for method in methods:
            same(both, [Request(method, path)])
    for path in ("/api/v1/status", "/api/v1/metrics"):
        same(both, [Request("OPTIONS", path)])


def test_what_groups_do_to_one_another(both):
    wipe(both)
    page = same(
        both,
        [
            post("a", "# TYPE m counter\n# HELP m One\nm 1\nx 1\n"),
            post("b", "# TYPE m gauge\nm 1\n"),
            post("a", "# TYPE m gauge\nm 1\n"),
            post("b", "# TYPE m gauge\nm 2\n"),
            post("b", "# TYPE m counter\nm 2\n"),
            put("b", "y 2\n"),
            post("a", "# TYPE m counter\nm 3\n"),
            post("a/instance/i", "z 1\n"),
            post("a", 'z{instance="i"} 1\n'),
            post("a", 'z{instance="j"} 1\n'),
            post("c", "# TYPE s summary\ns_sum 1\n"),
            post("d", "s_count 1\n"),
            post("d", "s_bucket 1\n"),
            post("e", "h_bucket 1\nh_sum 1\n"),
            post("f", "# TYPE h histogram\nh_sum 1\n"),
            delete("e"),
            post("f", "# TYPE h histogram\nh_sum 1\n"),
            post("f", ""),
            put("d", ""),
            post("g", "t 1 1\n"),
            post("g", "bad"),
            delete("nobody"),
            post("k", "q 1\n"),
            delete("k"),
        ],
    )
    assert 'm{instance="",job="a"} 3' in page
    assert 'push_failure_time_seconds{instance="",job="e"} <time>' not in page


def test_packed_bodies(both):
    import gzip

    wipe(both)
    body = b'm 1\nn{a="b"} 2\n' * 1
    for number, (encoding, packed) in enumerate([
        ("gzip", gzip.compress(body)), ("gzip", body), ("gzip", b""),
        ("identity", body), ("gzip", b"\x1f\x8b"),
        ("gzip", gzip.compress(b"m 1\n") + gzip.compress(b"n 2\n")),
    ]):  # fmt: skip
        headers = {"Content-Encoding": encoding}
        same(both, [Request("POST", f"/metrics/job/j{number}", packed, headers)])


def test_protobuf(both):
    wipe(both)
    kind = family_class()
    counter = kind(name=b"c", type=0, help=b"what\nit is")
    counter.metric.add().counter.value = 1.5
    counter.metric[0].label.add(name=b"z", value=b"1")
    counter.metric[0].label.add(name=b"a", value=b"2")
    summary = kind(name=b"s", type=2)
    summary.metric.add().summary.quantile.add(quantile=0.5, value=1)
    histogram = kind(name=b"h", type=4)
    histogram.metric.add().histogram.bucket.add(upper_bound=1, cumulative_count=3)
    untyped = kind(name=b"u", type=3)
    untyped.metric.add().untyped.value = 2
    wrong = kind(name=b"w", type=1)
    wrong.metric.add().counter.value = 1
    twice = kind(name=b"t", type=1)
    twice.metric.add().gauge.value = 1
    twice.metric.add().gauge.value = 1
    timed = kind(name=b"x", type=1)
    timed.metric.add(timestamp_ms=5).gauge.value = 1
    labelled = kind(name=b"l", type=1)
    labelled.metric.add().gauge.value = 1
    labelled.metric[0].label.add(name=b"a", value=b"1")
    labelled.metric[0].label.add(name=b"a", value=b"2")
    told = {"Content-Type": PROTOBUF}
    families = [counter, summary, histogram, untyped, wrong, twice, timed, labelled]
    for number, family in enumerate(families):
        message = family.SerializeToString()
        body = bytes([len(message)]) + message
        for headers in (told, {"Content-Type": "application/vnd.google.protobuf"}):
            same(both, [Request("POST", f"/metrics/job/j{number}", body, headers)])
        same(both, [Request("POST", "/metrics/job/cut", body[:-1], told)])
        same(both, [Request("POST", "/metrics/job/twice", body + body, told)])
    same(both, [Request("POST", "/metrics/job/empty", b"", told)])
    other = {"Content-Type": 'application/vnd.google.protobuf;encoding="delimited" ; '
             "proto=io.prometheus.client.MetricFamily"}  # fmt: skip
    message = untyped.SerializeToString()
    same(both, [Request("PUT", "/metrics/job/q", bytes([len(message)]) + message, other)])


_NAMES = st.sampled_from(["a", "b", "b_sum", "b_count", "b_bucket", "c_total"])
_LABELS = st.dictionaries(
    st.sampled_from(["x", "y", "instance", "job", "le", "quantile", "__z"]),
    st.sampled_from(["", "1", "2", "+Inf", "0.5", "i j", 'q"', "\\", "\n", "é"]),
    max_size=2,
)
_NUMBERS = st.sampled_from(["0", "1", "2.5", "NaN", "+Inf", "1e10", "3", "17"])


@st.composite
def _lines(draw) -> str:
    name = draw(_NAMES)
    shape = draw(st.integers(0, 9))
    if shape == 0:
        return f"# TYPE {name} {draw(st.sampled_from(['counter', 'gauge', 'summary', 'untyped']))}"
    if shape == 1:
        return f"# TYPE {name} histogram"
    if shape == 2:
        return f"# HELP {name} same"
    pairs = ",".join(
        '{}="{}"'.format(
            label, value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        )
        for label, value in draw(_LABELS).items()
    )
    return f"{name}{{{pairs}}} {draw(_NUMBERS)}" if pairs else f"{name} {draw(_NUMBERS)}"


@st.composite
def _requests(draw) -> Request:
    path = draw(st.sampled_from(["j", "k", "j/instance/i", "j/x/1", "j/y@base64/="]))
    method = draw(st.sampled_from(["POST", "POST", "PUT", "DELETE"]))
    body = "".join(f"{line}\n" for line in draw(st.lists(_lines(), max_size=5)))
    return Request(method, f"/metrics/job/{path}", b"" if method == "DELETE" else body.encode())


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(_requests(), min_size=1, max_size=5))
def test_random_requests(both, requests):
    if any(_differs(request.body) for request in requests):
        return
    wipe(both)
    same(both, requests, _settled)


def _settled(page: list[str]) -> list[str]:
    """Without what the real one decides by chance: which of several helps, and who is first of
    those whose labels have equal values."""
    return sorted(line for line in page if not line.startswith("# HELP"))


def _differs(body: bytes) -> bool:
    """What docs/pushgateway.md says is done in another way."""
    text = body.decode()
    # Counts that are no whole numbers; what has the label le is a bucket whatever its name.
    counts = re.search(r"(?:_count|_bucket|le=)[^\n]* (?:NaN|\+Inf|2\.5)", text)
    return bool(counts) and ("summary" in text or "histogram" in text)


def test_what_the_listing_says(both):
    import json

    wipe(both)
    requests = [
        post("a/x@base64/=", "# TYPE m counter\n# HELP m One\nm 1\nx 2.5\n"),
        post("a", '# TYPE h histogram\nh_bucket{le="0.5"} 1\nh_sum 0.25\nh_count 2\n'),
        post("b", '# TYPE s summary\ns{quantile="0.5"} NaN\ns_sum 1e30\ns_count 7\n'),
        post("b", "m 1 1\n"),
    ]
    same(both, requests)
    listings = []
    for gateway in both:
        found = json.loads(gateway.send(Request("GET", "/api/v1/metrics"))[1])
        assert found["status"] == "success"
        for group in found["data"]:
            for name, family in group.items():
                if isinstance(family, dict) and "time_stamp" in family:
                    del family["time_stamp"]
                    if name.startswith("push_"):
                        del family["metrics"][0]["value"]
        listings.append(
            sorted(found["data"], key=lambda one: json.dumps(one["labels"], sort_keys=True))
        )
    assert listings[0] == listings[1]


def test_base64_of_the_readme(both):
    wipe(both)
    encoded = base64.urlsafe_b64encode(b"/var/tmp").decode().rstrip("=")
    page = same(both, [post(f"directory_cleaner/path@base64/{encoded}", 'm{foo="bar"} 3.14\n')])
    assert 'm{foo="bar",instance="",job="directory_cleaner",path="/var/tmp"} 3.14' in page
