"""The host's metrics as series: beside node exporter itself, and with other programs' files."""

import re
import socket
import subprocess
import time
import urllib.request

import numpy as np
import pytest
from tests.debian_programs import debian_program

from madang.collect.host import HostSource
from madang.collect.host.readers import Machine
from madang.collect.host.samples import Samples
from madang.collect.host.series import HostSeries
from madang.collect.source import SourceContext
from madang.core.clock import ManualClock
from madang.core.errors import StorageFullError
from madang.core.samples import ANNOUNCE_EVERY_S, SAMPLES_SCHEMA, is_stale, labels_of, series_id
from madang.project import HostSourceSpec, Project
from madang.stream import LogStore


@pytest.fixture
def store(tmp_path):
    with LogStore(tmp_path / "streams", min_free_bytes=0) as store:
        yield store


def make(store, tmp_path, **spec) -> HostSource:
    context = SourceContext(
        store.open("metrics.samples", SAMPLES_SCHEMA),
        None,
        Project(directory=str(tmp_path)),
        tmp_path,
        tmp_path,
        tmp_path / "state",
        clock=ManualClock(),
    )
    return HostSource(HostSourceSpec(kind="host", name="me", **spec), context)


def of(**values: float) -> Samples:
    samples = Samples()
    for name, value in values.items():
        samples.add(name, value, disk="a")
    return samples


def test_labels_stand_beside_the_first_sample_and_series_end():
    series = HostSeries({"job": "node"})
    first = series.batch(of(a=1, b=2), 5_000_000)
    first.validate(full=True)
    assert first.schema == SAMPLES_SCHEMA
    assert [labels_of(one) for one in first["labels"].to_pylist()] == [
        {"__name__": name, "disk": "a", "job": "node"} for name in "ab"
    ]
    numbers = first["series"].to_pylist()
    assert numbers == [series_id(one) for one in first["labels"].to_pylist()]
    second = series.batch(of(b=3), 10_000_000)
    assert second["labels"].null_count == 2
    assert second["series"].to_pylist() == [numbers[1], numbers[0]]
    assert is_stale(second["value"].to_numpy()).tolist() == [False, True]
    assert series.batch(of(b=3), 15_000_000).num_rows == 1
    later = series.batch(of(a=1, b=2), int(ANNOUNCE_EVERY_S * 1e6))
    assert later["labels"].null_count == 0


def test_of_two_samples_of_a_series_the_first_counts():
    samples = of(a=1)
    samples.add("a", 2, disk="a")
    assert HostSeries({}).batch(samples, 0)["value"].to_pylist() == [1.0]


def test_labels_can_be_named(store, tmp_path):
    make(store, tmp_path, labels={"instance": "db-1", "rack": "7"}).poll(1_000_000)
    (chunk,) = store.get("metrics.samples").read(0, 0)
    found = [labels_of(one) for one in chunk.batch["labels"].to_pylist()]
    assert {one["instance"] for one in found} == {"db-1"}
    assert {one["rack"] for one in found} == {"7"}
    assert {one["job"] for one in found} == {"node"}
    assert {"__name__": "up", "job": "node", "instance": "db-1", "rack": "7"} in found


def test_after_polls_were_dropped_labels_come_again(store, tmp_path, monkeypatch):
    source = make(store, tmp_path)
    monkeypatch.setattr(source, "read", lambda: of(a=1))
    monkeypatch.setattr("madang.collect.host.source._KEPT_POLLS", 2)
    submit = source._stream.submit

    def refuse(*_args, **_more):
        raise StorageFullError("full")

    class Refused:
        def result(self, _timeout):
            refuse()

    monkeypatch.setattr(source._stream, "submit", lambda *_args, **_more: Refused())
    for second in range(4):
        source.poll(second * 1_000_000)
    monkeypatch.setattr(source._stream, "submit", submit)
    source.poll(4_000_000)
    chunks = store.get("metrics.samples").read(0, 0)
    announced = {
        labels_of(one).get("__name__")
        for c in chunks
        for one in c.batch["labels"].to_pylist()
        if one
    }
    assert announced == {"a", "up"}


def test_files_of_other_programs(store, tmp_path):
    folder = tmp_path / "prom"
    folder.mkdir()
    (folder / "good.prom").write_text('# HELP b x\n# TYPE b gauge\nb{kind="c"} 3\n')
    (folder / "cut.prom").write_text("b 3\nc")
    (folder / "dated.prom").write_text("d 3 1000\n")
    (folder / "other.txt").write_text("e 3\n")
    source = make(store, tmp_path, textfiles="prom")
    samples = source.poll(1_000_000)
    assert samples.find("b", kind="c") == [3.0]
    assert samples.find("node_textfile_scrape_error") == [1.0]
    assert samples.find("node_textfile_mtime_seconds", file=str(folder / "good.prom"))
    assert not samples.find("d")
    assert not samples.find("e")
    cut, dated = source.status().problems
    assert "cut.prom" in cut
    assert "times of their own" in dated
    for name in ("cut.prom", "dated.prom"):
        (folder / name).unlink()
    assert source.poll(2_000_000).find("node_textfile_scrape_error") == [0.0]
    assert source.status().problems == ()
    make(store, tmp_path, textfiles="missing").poll(3_000_000)


def test_hardware_that_this_machine_lacks(tmp_path):
    chip = tmp_path / "class/hwmon/hwmon3"
    chip.mkdir(parents=True)
    for name, text in (("name", "k10temp"), ("temp1_input", "45250"), ("temp1_label", "Tctl")):
        (chip / name).write_text(text + "\n")
    zone = tmp_path / "class/thermal/thermal_zone0"
    zone.mkdir(parents=True)
    (zone / "temp").write_text("30100\n")
    (zone / "type").write_text("acpitz\n")
    rates = tmp_path / "devices/system/cpu/cpu0/cpufreq"
    rates.mkdir(parents=True)
    (rates / "scaling_cur_freq").write_text("2400000\n")
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "schedstat").write_text("version 15\ncpu0 0 0 0 0 0 0 2000000000 500000000 7\n")
    samples = read(Machine(proc=proc, sys=tmp_path))
    assert samples.find("node_hwmon_temp_celsius", chip="k10temp", sensor="temp1") == [45.25]
    assert samples.find("node_hwmon_sensor_label", label="tctl") == [1]
    assert samples.find("node_thermal_zone_temp", zone="0", type="acpitz") == [30.1]
    assert samples.find("node_cpu_scaling_frequency_hertz", cpu="0") == [2.4e9]
    assert samples.find("node_schedstat_waiting_seconds_total", cpu="0") == [0.5]


def read(machine: Machine) -> Samples:
    from madang.collect.host.readers import READERS

    samples = Samples()
    for name in ("hwmon", "thermal_zone", "cpufreq", "schedstat"):
        READERS[name](samples, machine)
    return samples


_LINE = re.compile(r"^(node_\w+)(?:\{(.*)\})? \S+$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_NOT_OURS = re.compile(
    r"node_exporter_build_info|node_textfile_.*|node_(bonding|btrfs|cooling|cpu_core|cpu_package|dmi|"
    r"edac|fibrechannel|hwmon|infiniband|ipvs|md|nfs|nfsd|nvme|power_supply|rapl|tape|xfs|zfs)_.*"
)
"""What only some hardware has, and docs/host-metrics.md leaves out."""


def test_it_tells_what_node_exporter_tells(store, tmp_path):
    """Every series of Debian's node exporter is there, with the same labels."""
    page = node_exporter_page()
    source = make(store, tmp_path)
    source.poll(1_000_000)
    (chunk,) = store.get("metrics.samples").read(0, 0)
    ours = {without(labels_of(one)) for one in chunk.batch["labels"].to_pylist()}
    theirs = {}
    for name, labels in _LINE.findall(page):
        pairs = {key: value for key, value in _LABEL.findall(labels) if value}
        if pairs.get("device", "").startswith("zram") or name.startswith("node_scrape_"):
            continue
        if not _NOT_OURS.fullmatch(name):
            theirs[frozenset({**pairs, "__name__": name}.items())] = name
    missing = sorted(str(sorted(one)) for one in theirs if one not in ours)
    assert missing == []
    assert len(theirs) > 200
    values = chunk.batch["value"].to_numpy()
    assert np.all(np.isfinite(values))


def without(labels: dict[str, str]) -> frozenset:
    return frozenset((key, one) for key, one in labels.items() if key not in ("job", "instance"))


def node_exporter_page() -> str:
    program = debian_program("prometheus-node-exporter", "usr/bin/prometheus-node-exporter")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"127.0.0.1:{port}"
    process = subprocess.Popen(
        [str(program), f"--web.listen-address={address}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until_s = time.monotonic() + 10
        while True:
            try:
                with urllib.request.urlopen(f"http://{address}/metrics", timeout=5) as answer:
                    return answer.read().decode()
            except OSError:
                assert time.monotonic() < until_s, "node exporter does not answer"
                time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
