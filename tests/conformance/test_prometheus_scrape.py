"""Debian's Prometheus and Madang scrape the same pages by the same file: same targets, same series.

What Prometheus 3 changed is left out of the file: names beyond ASCII, a dot for line ends.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from debian_programs import debian_program
from madang.collect.scrape import ScrapeSource, read_targets
from madang.collect.source import SourceContext
from madang.core.samples import SAMPLES_SCHEMA, labels_of
from madang.project import Project, ScrapeSourceSpec, check_directory
from madang.stream import LogStore
from page_server import Web

pytestmark = pytest.mark.slow

PAGE = b"""\
# HELP a_total Help
# TYPE a_total counter
a_total{job="x",instance="",zone="page",exported_job="y"} 1
a_total{job="",pod="p1"} 2
go_x 3
merged{n="1"} 1
merged{n="2"} 2
Mixed{Case="VaLue",url="http://h:1/p?q=1"} 4
h_bucket{le="1"} 1
h_bucket{le="+Inf"} 2
h_sum 3
h_count 2
old_name{a="1",b="2",__keep="x"} 5
"""
CONFIG = """\
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - &base
    job_name: plain
    static_configs: [{targets: ["ADDRESS"], labels: {zone: here}}]
  - <<: *base
    job_name: honor
    honor_labels: true
    params: {a: ["1", "2"], b: ["&"]}
  - <<: *base
    job_name: rules
    metric_relabel_configs:
      - {source_labels: [__name__], regex: "go_.*", action: drop}
      - {regex: "n", action: labeldrop}
      - {source_labels: [Case], target_label: case, action: lowercase}
      - {source_labels: [Case], target_label: CASE, action: uppercase}
      - {source_labels: [url], regex: "(?P<scheme>\\\\w+)://([^:]+):(\\\\d+)/.*",
         target_label: "${scheme}_host",
         replacement: "$2-${3}-$3x-$$"}
      - {source_labels: [a, b], separator: "/", regex: "(.*)/(.*)",
         target_label: ab, replacement: "$2$1"}
      - {source_labels: [a, b, url], modulus: 7919, target_label: hash, action: hashmod}
      - {regex: "__(.*)", replacement: "under_$1", action: labelmap}
      - {source_labels: [__name__], regex: "old_(.*)", target_label: __name__,
         replacement: "new_$1"}
      - {source_labels: [le], regex: "\\\\+Inf", target_label: le, replacement: ""}
      - {source_labels: [a], target_label: b, action: dropequal}
  - job_name: targets
    static_configs:
      - targets: ["drop:1", "keep-a:1", "keep-b:1", "equal:1"]
        labels: {__meta_x: "1", same: "equal:1", team: Ops}
    relabel_configs:
      - {source_labels: [__address__], regex: "drop.*", action: drop}
      - {source_labels: [__address__], target_label: same, action: dropequal}
      - {source_labels: [__address__], regex: "keep-(.):.*", action: keep}
      - {source_labels: [__address__], regex: "keep-(.):(.*)", target_label: __param_target}
      - {source_labels: [__address__], target_label: was}
      - {target_label: __address__, replacement: "ADDRESS"}
      - {target_label: __metrics_path__, replacement: /probe}
      - {action: labelmap, regex: "__meta_(.+)"}
      - {source_labels: [was], action: hashmod, modulus: 1000000007, target_label: shard}
      - {source_labels: [team], action: uppercase, target_label: team}
      - {target_label: __scrape_interval__, replacement: 2s}
"""
SERIES = '{__name__!=""}'


@pytest.fixture
def peer(tmp_path):
    """The configuration's file, and Prometheus's address."""

    async def answer(request):
        await request.page(PAGE)

    program = debian_program("prometheus", "usr/bin/prometheus")
    server = Web(answer)
    config = tmp_path / "prometheus.yml"
    config.write_text(CONFIG.replace("ADDRESS", server.address))
    port = _free_port()
    process = subprocess.Popen(
        [program, f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}",
         f"--web.listen-address=127.0.0.1:{port}"],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield config, f"http://127.0.0.1:{port}/api/v1"
    finally:
        process.terminate()
        process.wait(20)
        server.close()


def _free_port() -> int:
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def ask(url: str):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)["data"]
    except OSError:
        return None


def scraped(tmp_path: Path, config: Path, seconds_s: float) -> tuple[set, dict]:
    """Labels of all series that Madang has, and its targets."""
    (tmp_path / "project/sources").mkdir(parents=True)
    source = tmp_path / "project/sources/s.yml"
    source.write_text(f"kind: scrape\nconfig: {config}\n")
    spec = check_directory(tmp_path / "project").checked().sources["s"]
    assert isinstance(spec, ScrapeSourceSpec)
    with LogStore(tmp_path / "log", min_free_bytes=0) as store:
        stream = store.open("metrics.samples", SAMPLES_SCHEMA)
        state = tmp_path / "collect/s"
        project = Project(directory=str(tmp_path))
        context = SourceContext(stream, None, project, tmp_path, tmp_path, state)
        made, stop = ScrapeSource(spec, context), threading.Event()
        thread = threading.Thread(target=made.run, args=(stop,))
        thread.start()
        time.sleep(seconds_s)
        targets = read_targets(state.parent)
        stop.set()
        thread.join(20)
        found, offset = set(), 0
        while chunks := stream.read(0, offset):
            for chunk in chunks:
                labels = chunk.batch["labels"].drop_null().to_pylist()
                found |= {frozenset(labels_of(one).items()) for one in labels}
            offset = chunks[-1].end_offset
    return found, targets


def shown(targets: dict) -> list:
    keys = ("discoveredLabels", "labels", "scrapePool", "scrapeUrl", "scrapeInterval")
    active = [{key: one[key] for key in keys} for one in targets["activeTargets"]]
    dropped = [one["discoveredLabels"] for one in targets["droppedTargets"]]
    return [sorted(found, key=lambda one: json.dumps(one, sort_keys=True))
            for found in (active, dropped)]  # fmt: skip


def test_targets_and_series_are_the_same(peer, tmp_path):
    config, api = peer
    ours, our_targets = scraped(tmp_path, config, 5.0)
    until_s = time.monotonic() + 30
    theirs: set = set()
    while time.monotonic() < until_s:
        found = ask(f"{api}/series?match[]={urllib.parse.quote(SERIES)}") or []
        theirs = {frozenset(one.items()) for one in found}
        if len(theirs) >= len(ours):
            break
        time.sleep(0.2)
    assert {tuple(sorted(one)) for one in ours} == {tuple(sorted(one)) for one in theirs}
    assert shown(our_targets) == shown(ask(f"{api}/targets"))
