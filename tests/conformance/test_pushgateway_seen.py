"""A Prometheus that scrapes Debian's Pushgateway, and Madang, see the same of the same pushes."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.parse
import urllib.request

import pytest

from conformance.test_pushgateway import Gateway, delete, post, put
from debian_programs import debian_program
from madang.testing.running_platform import RunningPlatform, free_port, write_project

pytestmark = pytest.mark.slow

WANTED = '{__name__=~"m|n|h_.*|s|s_.*"}'
CONFIG = """\
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: pushgateway
    honor_labels: true
    static_configs: [{targets: ["127.0.0.1:PORT"]}]
"""
# Bounds are no whole numbers: Prometheus before 3 calls the bucket of 2 so, later ones 2.0.
STEPS = [
    [
        post("a", 'm 1\nm{instance="x",a=""} 2\nm{le="3"} 3\n'),
        post("a/instance/i", '# TYPE n counter\nn{b="c d",b_="é"} 4.5\nn NaN\n'),
        put(
            "b/x@base64/=",
            '# TYPE h histogram\nh_bucket{le="0.50"} 1\nh_bucket{le="2.5"} 3\nh_sum 5\nh_count 4\n'
            '# TYPE s summary\ns{quantile="0.9",q="r"} 7\ns_sum{q="r"} +Inf\ns_count{q="r"} 8\n',
        ),
    ],
    [post("a", "m 5\n"), put("a/instance/i", '# TYPE n counter\nn{b="other"} 6\n')],
    [delete("b/x@base64/="), put("a", "")],
]


@pytest.fixture
def both(tmp_path):
    """Two gateways, and the APIs of those who look at them."""
    gateway = debian_program("prometheus-pushgateway", "usr/bin/prometheus-pushgateway")
    prometheus = debian_program("prometheus", "usr/bin/prometheus")
    ports = [free_port() for _ in range(4)]
    config = tmp_path / "prometheus.yml"
    config.write_text(CONFIG.replace("PORT", str(ports[0])))
    commands = (
        [gateway, f"--web.listen-address=127.0.0.1:{ports[0]}"],
        [prometheus, f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}",
         f"--web.listen-address=127.0.0.1:{ports[1]}"],
    )  # fmt: skip
    lines = (
        "storage: {min_free: 0}",
        "metrics: {pushgateway: {interval: 1s}}",
        "server:",
        "  ports:",
        f"    pushgateway: {{port: {ports[2]}}}",
        f"    prometheus: {{port: {ports[3]}}}",
    )
    project = write_project(tmp_path / "project", {"madang.yml": "\n".join(lines)})
    processes = [subprocess.Popen(one, stderr=subprocess.DEVNULL) for one in commands]
    try:
        with RunningPlatform(project, tmp_path / "data"):
            yield (Gateway(ports[0]), ports[1]), (Gateway(ports[2]), ports[3])
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(20)


def seen(port: int) -> list[tuple[dict, str]]:
    """What an instant query finds now."""
    query = urllib.parse.urlencode({"query": WANTED})
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?{query}") as answer:
        found = json.load(answer)["data"]["result"]
    pairs = [(one["metric"], one["value"][1]) for one in found]
    return sorted(pairs, key=lambda one: json.dumps(one, sort_keys=True))


def test_what_is_seen_is_the_same(both):
    (theirs, their_port), (ours, our_port) = both
    for step in STEPS:
        for request in step:
            assert theirs.send(request)[0] == ours.send(request)[0]
        until_s = time.monotonic() + 30
        while seen(their_port) != seen(our_port) or (step is not STEPS[-1] and not seen(our_port)):
            assert time.monotonic() < until_s, (seen(their_port), seen(our_port))
            time.sleep(0.2)
    time.sleep(2.5)  # they have scraped again: nothing comes back
    assert seen(their_port) == seen(our_port) == [
        ({"__name__": "n", "b": "other", "instance": "i", "job": "a"}, "6")
    ]  # fmt: skip
