from __future__ import annotations

import threading
from pathlib import Path

import pytest

from madang.core.datadir import DataDir
from madang.core.errors import UnavailableError
from madang.project import (
    ProjectFollower,
    ProjectPublisher,
    ProjectWatch,
    PublishResult,
    read_problems,
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "streams").mkdir()
    (tmp_path / "streams" / "orders.yml").write_text("format: json\n")
    return tmp_path


def test_a_follower_sees_what_was_published(project: Path) -> None:
    data = DataDir(project / "data")
    follower = ProjectFollower(data)
    assert not follower.changed()
    with pytest.raises(UnavailableError):
        follower.current()
    assert ProjectPublisher(project, data).publish().changed
    assert follower.changed()
    assert "orders" in follower.current().streams
    assert not follower.changed()
    assert follower.published().loaded_at.endswith("+00:00")


def test_the_same_state_is_not_published_twice(project: Path) -> None:
    data = DataDir(project / "data")
    publisher = ProjectPublisher(project, data)
    publisher.publish()
    before = data.published_project.stat().st_ino
    assert not publisher.publish().changed
    assert data.published_project.stat().st_ino == before


def test_a_broken_change_keeps_the_last_good_state(project: Path) -> None:
    data = DataDir(project / "data")
    publisher = ProjectPublisher(project, data)
    good = publisher.publish().project
    (project / "streams" / "orders.yml").write_text("format: jsno\n")
    result = publisher.publish()
    assert result.project == good
    assert not result.changed
    assert [str(one.where) for one in result.errors] == ["streams/orders.yml:1:9"]
    assert read_problems(data) == list(result.problems)
    (project / "streams" / "orders.yml").write_text("format: csv\n")
    assert publisher.publish().changed
    assert read_problems(data) == []


def test_a_damaged_published_file_is_written_anew(project: Path) -> None:
    data = DataDir(project / "data")
    publisher = ProjectPublisher(project, data)
    publisher.publish()
    data.published_project.write_text('{"project": {"streams": 5}}')
    assert publisher.publish().changed
    assert "orders" in ProjectFollower(data).current().streams


class Watching:
    """A watch in a thread, whose publishes can be awaited."""

    def __init__(self, project: Path) -> None:
        self.results: list[PublishResult] = []
        self.news = threading.Condition()
        self.stop = threading.Event()
        publisher = ProjectPublisher(project, DataDir(project.parent / "data"))
        watch = ProjectWatch(publisher, look_interval_s=0.2, settle_s=0.02)
        self.thread = threading.Thread(target=watch.run, args=(self.stop, self._note))

    def _note(self, result: PublishResult) -> None:
        with self.news:
            self.results.append(result)
            self.news.notify_all()

    def wait_for(self, names: set[str] | None) -> None:
        """Until the last result has these streams; None: until it is broken."""

        def reached() -> bool:
            if not self.results:
                return False
            last = self.results[-1]
            if names is None:
                return bool(last.errors)
            own = {name for name in last.project.streams if "." not in name}
            return not last.errors and own == names

        with self.news:
            assert self.news.wait_for(reached, timeout=10)

    def __enter__(self) -> Watching:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(5)
        assert not self.thread.is_alive()


def test_the_watch_publishes_edits_renames_and_the_return_of_a_folder(tmp_path: Path) -> None:
    project = tmp_path / "project"
    streams = project / "streams"
    streams.mkdir(parents=True)
    (streams / "a.yml").write_text("format: json\n")
    with Watching(project) as watching:
        watching.wait_for({"a"})
        (streams / ".b.yml.swp").write_text("format: json\n")
        (streams / ".b.yml.swp").rename(streams / "b.yml")
        watching.wait_for({"a", "b"})
        (streams / "b.yml").write_text("format: [")
        watching.wait_for(None)
        (streams / "b.yml").write_text("format: plain")
        watching.wait_for({"a", "b"})
        project.rename(tmp_path / "away")
        watching.wait_for(None)
        (tmp_path / "away" / "streams" / "b.yml").unlink()
        (tmp_path / "away").rename(project)
        watching.wait_for({"a"})


def test_a_file_that_goes_right_after_it_was_published_goes(tmp_path: Path) -> None:
    """As by ``PUT /api/streams/b`` and ``rm streams/b.yml`` between two looks of the watch."""
    project = tmp_path / "project"
    data = DataDir(tmp_path / "data")
    (project / "streams").mkdir(parents=True)
    (project / "streams" / "a.yml").write_text("format: json\n")
    brief = project / "streams" / "b.yml"
    with Watching(project) as watching:
        watching.wait_for({"a"})
        brief.write_text("format: json\n")
        result = ProjectPublisher(project, data).publish()
        brief.unlink()
        with watching.news:
            watching.results.clear()
        assert result.project is not None
        assert "b" in result.project.streams
        watching.wait_for({"a"})
    assert "b" not in ProjectFollower(data).current().streams


def test_a_publish_of_its_own_is_no_news(tmp_path: Path) -> None:
    streams = tmp_path / "project" / "streams"
    streams.mkdir(parents=True)
    (streams / "a.yml").write_text("format: json\n")
    publisher = ProjectPublisher(tmp_path / "project", DataDir(tmp_path / "data"))
    first = publisher.publish()
    assert first.changed
    assert first.stamps == publisher.stamps() == publisher.publish().stamps
    (streams / "b.yml").write_text("format: json\n")
    assert publisher.publish().stamps != first.stamps


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("partitions: 2\n", "partitions: 3 cannot become 2"),
        ("partitions: 3\nformat: typed\n", "format: json cannot become typed"),
    ],
)
def test_a_stream_is_not_changed_in_a_way_its_log_cannot_follow(
    project: Path, text: str, said: str
) -> None:
    data = DataDir(project / "data")
    file = project / "streams" / "orders.yml"
    file.write_text("partitions: 3\n")
    publisher = ProjectPublisher(project, data)
    publisher.publish()
    file.write_text(text)
    result = publisher.publish()
    assert [one.message for one in result.errors] == [said]
    assert result.errors[0].where.line == text.rstrip().count("\n") + 1
    file.write_text("partitions: 4\n")
    assert publisher.publish().errors == ()
