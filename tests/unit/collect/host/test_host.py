import threading
import time
from concurrent.futures import Future

import pyarrow as pa
import pytest

from madang.collect.host import HOST_SCHEMA, HostSource
from madang.collect.host.readers import Machine
from madang.collect.host.samples import Samples
from madang.collect.source import SourceContext
from madang.core.clock import ManualClock
from madang.core.errors import InvalidInputError, StorageFullError
from madang.project import HostSourceSpec, Project
from madang.stream import LogStore

EVERYWHERE = {
    "node_cpu_seconds_total",
    "node_load1",
    "node_memory_MemTotal_bytes",
    "node_memory_MemAvailable_bytes",
    "node_filesystem_size_bytes",
    "node_filesystem_files_free",
    "node_disk_read_bytes_total",
    "node_disk_io_time_seconds_total",
    "node_network_receive_bytes_total",
    "node_network_transmit_drop_total",
    "node_boot_time_seconds",
    "node_time_seconds",
    "node_uname_info",
    "node_procs_running",
    "node_procs_blocked",
    "node_context_switches_total",
    "node_intr_total",
    "node_vmstat_pgfault",
    "node_netstat_Tcp_CurrEstab",
    "node_sockstat_sockets_used",
    "node_filefd_allocated",
    "node_processes_pids",
    "node_processes_threads",
    "node_scrape_collector_success",
}


@pytest.fixture
def store(tmp_path):
    with LogStore(tmp_path / "streams", min_free_bytes=0) as store:
        yield store


def make(store, tmp_path, clock=None, **spec) -> HostSource:
    stream = store.open("host_metrics", HOST_SCHEMA)
    context = SourceContext(
        stream=stream,
        stream_spec=None,
        project=Project(directory=str(tmp_path)),
        directory=tmp_path,
        data=tmp_path,
        state=tmp_path / "state",
        clock=clock or ManualClock(),
    )
    return HostSource(
        HostSourceSpec(kind="host", name="me", stream="host_metrics", **spec), context
    )


def test_samples_have_the_schema():
    samples = Samples()
    samples.add("a", 1, x="1", y="2")
    samples.add("b", 2.5)
    batch = samples.batch(7, "me")
    assert batch.schema == HOST_SCHEMA
    batch.validate(full=True)
    assert batch["labels"].to_pylist() == [[("x", "1"), ("y", "2")], []]
    assert batch["ts"].cast(pa.int64()).to_pylist() == [7, 7]


def test_a_poll_tells_what_node_exporter_tells(store, tmp_path):
    source = make(store, tmp_path)
    samples = source.poll(1_000_000)
    assert samples.names() >= EVERYWHERE
    assert source.status().problems == ()
    assert samples.find("node_memory_MemTotal_bytes")[0] > 2**20
    assert set(samples.find("node_scrape_collector_success")) == {1.0}
    assert samples.find("node_filesystem_size_bytes", mountpoint="/")
    assert not samples.find("node_filesystem_size_bytes", fstype="proc")
    assert not samples.find("node_disk_read_bytes_total", device="loop0")
    (chunk,) = store.get("host_metrics").read(0, 0)
    assert chunk.batch.num_rows == len(samples)
    assert chunk.attributes == {"source": "host"}


def test_a_tick_is_appended_once(store, tmp_path):
    make(store, tmp_path).poll(5_000_000)
    rows = store.get("host_metrics").bounds(0).end
    again = make(store, tmp_path)
    again.poll(5_000_000)
    assert store.get("host_metrics").bounds(0).end > rows  # another moment: not the same batch
    sequence = store.get("host_metrics").last_sequence(0, again._producer)
    assert sequence == 5_000_001


class Ticking(ManualClock):
    """Stands still but for a wait, which takes exactly as long as it says."""

    def __init__(self, late_s: float = 0.0) -> None:
        super().__init__()
        self.late_s = late_s
        self.waits: list[float] = []

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.advance(seconds + self.late_s)
        self.late_s = 0.0
        return len(self.waits) >= 5


def test_polls_lie_on_a_grid_and_missed_ones_are_left_out(store, tmp_path, monkeypatch):
    clock = Ticking(late_s=12.0)
    clock.advance(1.3)
    source = make(store, tmp_path, clock, interval=5.0)
    monkeypatch.setattr(source, "read", _one)
    stop = threading.Event()
    monkeypatch.setattr(stop, "wait", clock.wait)
    source.run(stop)
    stamps = [
        second - 1_767_225_600
        for chunk in store.get("host_metrics").read(0, 0)
        for second in (chunk.batch["ts"].cast(pa.int64()).to_numpy() // 1_000_000).tolist()
    ]
    assert stamps == [0, 5, 20, 25, 30]
    assert source.status().counts["missed_polls"] == 2


def _one() -> Samples:
    samples = Samples()
    samples.add("a", 1)
    return samples


def test_a_reader_that_fails_does_not_hide_the_others(store, tmp_path, monkeypatch):
    source = make(store, tmp_path)
    source._machine = Machine(proc=tmp_path / "proc")
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "stat").write_text("ctxt not-a-number\n")
    samples = source.poll(1)
    assert samples.find("node_scrape_collector_success", collector="stat") == [0.0]
    assert samples.find("node_cpu_seconds_total", cpu="0")
    assert "stat" in source.status().problems[0]


def test_polls_wait_in_order_while_the_stream_refuses(store, tmp_path, monkeypatch):
    source = make(store, tmp_path)
    monkeypatch.setattr(source, "read", _one)
    submit, refused = source._stream.submit, []

    def refuse(batch, **more):
        refused.append(more["origin"].sequence)
        future = Future()
        future.set_exception(StorageFullError("full"))
        return future

    monkeypatch.setattr(source._stream, "submit", refuse)
    for second in range(3):
        source.poll(second)
    assert source.status().waiting_for.code == "storage_full"
    assert refused == [1, 1, 1]
    monkeypatch.setattr(source._stream, "submit", submit)
    source.poll(3)
    assert source.status().waiting_for is None
    stamps = [
        stamp
        for chunk in store.get("host_metrics").read(0, 0)
        for stamp in chunk.batch["ts"].cast(pa.int64()).to_pylist()
    ]
    assert stamps == [0, 1, 2, 3]


def test_a_stream_of_another_schema_is_refused(store, tmp_path):
    stream = store.open("lines")
    context = SourceContext(
        stream, None, Project(directory=str(tmp_path)), tmp_path, tmp_path, tmp_path
    )
    with pytest.raises(InvalidInputError, match="no column 'name'"):
        HostSource(HostSourceSpec(kind="host", name="me", stream="lines"), context)


def test_a_poll_is_cheap(store, tmp_path):
    source = make(store, tmp_path)
    source.poll(1)
    begun = time.process_time()
    for number in range(5):
        source.read().batch(number, "me")
    assert (time.process_time() - begun) / 5 < 0.05
