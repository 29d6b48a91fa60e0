import threading
import time

import pytest

from madang.collect import HOST_SCHEMA, Collector, SourceStatus
from madang.collect import collector as module
from madang.core.datadir import DataDir
from madang.core.errors import InvalidInputError, StorageFullError
from madang.project import FilesSourceSpec, HostSourceSpec, Project, RecordFormat, StreamSpec
from madang.stream import LogStore


def until(condition, timeout_s: float = 10.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


class Fixed:
    """A project that does not change by itself."""

    def __init__(self, project=None):
        self.project = project

    def current(self):
        return self.project


class Scripted:
    """A source whose runs are told what to do, and that tells what became of it."""

    made: list["Scripted"]

    def __init__(self, spec, context):
        self.spec, self.context = spec, context
        self.closed = False
        self.waiting = None
        Scripted.made.append(self)
        if spec.description == "cannot be made":
            raise InvalidInputError("bad spec")

    def run(self, stop):
        if self.spec.description == "fails":
            raise RuntimeError("boom")
        stop.wait()

    def status(self):
        return SourceStatus(self.waiting, (), {"records": 1})

    def close(self):
        self.closed = True


@pytest.fixture
def collector(tmp_path):
    Scripted.made = []
    with LogStore(tmp_path / "streams", min_free_bytes=0) as store:
        factories = {"files": Scripted, "host": Scripted}
        collector = Collector(Fixed(), store.open, data=DataDir(tmp_path), factories=factories)
        yield collector
        collector.stop()


def project(**sources) -> Project:
    specs = {
        name: FilesSourceSpec(kind="files", stream="lines", paths=("x",), description=description)
        for name, description in sources.items()
    }
    return Project(directory="/p", sources=specs, streams={"lines": StreamSpec(name="lines")})


def states(collector) -> dict[str, str]:
    return {state.name: state.state for state in collector.states()}


def test_sources_run_until_closed(collector):
    collector.apply(project(a="", b=""))
    until(lambda: states(collector) == {"a": "running", "b": "running"})
    assert {source.spec.name for source in Scripted.made} == {"a", "b"}
    assert collector.source_states()["a"]["counts"] == {"records": 1}
    collector.stop()
    assert all(source.closed for source in Scripted.made)
    assert collector.source_states() == {}
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("source-")]


def test_a_new_state_of_the_project_is_taken_up(collector):
    collector._projects.project = project(a="")
    collector.start()
    collector._projects.project = project(a="", b="")
    collector.refresh()
    until(lambda: states(collector) == {"a": "running", "b": "running"})
    collector.refresh()
    assert len(Scripted.made) == 2


def test_only_what_changed_is_restarted(collector):
    collector.apply(project(a="", b="", c=""))
    until(lambda: set(states(collector).values()) == {"running"})
    collector.apply(project(a="", b="other", d=""))
    until(lambda: states(collector) == dict.fromkeys("abd", "running"))
    made = [(source.spec.name, source.closed) for source in Scripted.made]
    assert sorted(made) == [("a", False), ("b", False), ("b", True), ("c", True), ("d", False)]


def test_a_stream_whose_records_are_cut_otherwise_restarts_its_sources(collector):
    before = project(a="")
    collector.apply(before)
    until(lambda: states(collector) == {"a": "running"})
    csv = StreamSpec(name="lines", format=RecordFormat.CSV)
    collector.apply(before.model_copy(update={"streams": {"lines": csv}}))
    until(lambda: len(Scripted.made) == 2)


@pytest.mark.parametrize("how", ["fails", "cannot be made"])
def test_a_source_that_fails_is_told_and_does_not_hurt_others(collector, how):
    collector.apply(project(a=how, b=""))
    until(lambda: states(collector) == {"a": "failed", "b": "running"})
    error = collector.states()[0].error
    assert "boom" in error.message or "bad spec" in error.message
    until(lambda: collector.states()[0].restarts >= 1)
    collector.apply(project(a="mended", b=""))
    until(lambda: states(collector) == {"a": "running", "b": "running"})


def test_a_source_that_waits_says_for_what(collector):
    collector.apply(project(a=""))
    until(lambda: Scripted.made)
    Scripted.made[0].waiting = StorageFullError("the disk is full")
    until(lambda: states(collector) == {"a": "waiting"})
    assert collector.states()[0].error.message == "the disk is full"


def test_an_unknown_stream_or_kind_is_told(tmp_path):
    with LogStore(tmp_path / "streams") as store:
        collector = Collector(Fixed(), store.get, data=DataDir(tmp_path), factories={})
        collector.apply(project(a=""))
        until(lambda: states(collector) == {"a": "failed"})
        assert "there is no kind of source 'files'" in collector.states()[0].error.message
        collector.stop()


def test_real_sources_of_a_project(tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "app.log").write_text("1\n2\n")
    with LogStore(tmp_path / "streams", min_free_bytes=0) as store:
        store.open("metrics", HOST_SCHEMA)
        collector = Collector(Fixed(), store.open, data=DataDir(tmp_path / "data"))
        sources = {
            "logs": FilesSourceSpec(kind="files", stream="lines", paths=("logs/*.log",)),
            "me": HostSourceSpec(kind="host", stream="metrics", interval=0.05),
        }
        collector.apply(Project(directory=str(tmp_path), sources=sources))
        lines, metrics = store.open("lines"), store.open("metrics")
        until(lambda: lines.bounds(0).end == 2 and metrics.bounds(0).end > 0)
        collector.stop()
        (logs / "app.log").write_text("1\n2\n3\n")
        collector.apply(Project(directory=str(tmp_path), sources=sources))
        until(lambda: lines.bounds(0).end == 3)
        collector.stop()
    assert (tmp_path / "data" / "collect" / "logs" / "marks.jsonl").exists()


def test_a_changed_source_waits_for_the_one_before_it(collector, monkeypatch):
    monkeypatch.setattr(module, "_STOP_WAIT_S", 0.05)
    release = threading.Event()
    monkeypatch.setattr(Scripted, "run", lambda self, stop: stop.wait() and release.wait(10))
    collector.apply(project(a="1"))
    until(lambda: states(collector) == {"a": "running"})
    for description in ("2", "3"):
        collector.apply(project(a=description))
        assert states(collector) == {"a": "starting"}
    assert [source.spec.description for source in Scripted.made] == ["1"]
    release.set()
    until(lambda: states(collector) == {"a": "running"})
    assert [source.spec.description for source in Scripted.made] == ["1", "3"]


def test_of_two_sources_one_brings_a_file_into_a_stream(tmp_path):
    """Whichever has it, and the other goes on where that one stops."""
    log = tmp_path / "x.log"
    log.write_text("".join(f"{number}\n" for number in range(100)))
    specs = {
        name: FilesSourceSpec(
            name=name, kind="files", stream=stream, paths=[glob], poll_interval=0.01
        )
        for name, stream, glob in (
            ("one", "lines", str(log)),
            ("all", "lines", str(tmp_path / "*.log")),
            ("elsewhere", "others", str(log)),
        )
    }
    streams = {
        name: StreamSpec(name=name, format=RecordFormat.PLAIN) for name in ("lines", "others")
    }

    def project(*names):
        sources = {name: specs[name] for name in names}
        return Project(directory=str(tmp_path), sources=sources, streams=streams)

    with LogStore(tmp_path / "streams", min_free_bytes=0) as store:
        made = Collector(Fixed(), store.open, data=DataDir(tmp_path / "data"))

        def counts():
            return [store.open(name).bounds(0).end for name in ("lines", "others")]

        try:
            made.apply(project("one", "all", "elsewhere"))
            until(lambda: counts() == [100, 100])
            for number in range(100, 200):
                with log.open("a") as file:
                    file.write(f"{number}\n")
                time.sleep(0.001)
            until(lambda: counts() == [200, 200])
            problems = [text for state in made.states() for text in state.problems]
            assert len(problems) == 1
            assert "brings it into the same stream" in problems[0]
            [left] = [state.name for state in made.states() if state.problems]
            made.apply(project(left))
            with log.open("a") as file:
                file.write("last\n")
            until(lambda: counts() == [201, 200])
            until(lambda: not made.states()[0].problems)
        finally:
            made.stop()
        found = [
            value
            for chunk in store.open("lines").read(0, 0)
            for value in chunk.batch.column("value").to_pylist()
        ]
        assert found == [b"%d" % number for number in range(200)] + [b"last"]
