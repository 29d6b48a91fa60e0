"""A head that follows a real log: over restarts, kills, damage and a log that was replaced."""

import pyarrow as pa
import pytest

from madang.core.clock import ManualClock
from madang.core.errors import InvalidInputError
from madang.core.samples import SAMPLES_SCHEMA
from madang.metrics.head.folder import HeadFolder
from madang.metrics.head.follower import GROUP, FollowLimits, HeadFollower
from madang.metrics.head.head import Head
from madang.stream import RECORD_SCHEMA, LogStore
from unit.metrics.pages import contents, page

PAGE = {("up", "a"): 1.0, ("load", "b"): 2.5}
NOW_MS = 1_767_225_600_000


class Followed:
    """A log, and the follower of the moment."""

    def __init__(self, path):
        self.path = path
        self.clock = ManualClock(NOW_MS * 1000)
        self.store = LogStore(path / "streams", clock=self.clock)
        self.stream = self.store.open("metrics", SAMPLES_SCHEMA, 2)
        self.tick = 0
        self.start()

    def start(self):
        self.head = Head()
        limits = FollowLimits(write_every_s=60, write_at_samples=1000)
        folder = HeadFolder(self.path / "head")
        self.follower = HeadFollower(
            self.stream, self.head, folder, clock=self.clock, limits=limits
        )
        self.follower.restore()

    def append(self, values=PAGE, *, announce=False, partition=0):
        self.tick += 1
        batch = page(NOW_MS + self.tick, values, announce=announce)
        self.stream.submit(batch, partition=partition).result()

    def catch_up(self):
        while self.follower.poll():
            pass
        return contents(self.head)


@pytest.fixture
def followed(tmp_path):
    made = Followed(tmp_path)
    yield made
    made.store.close()


def test_what_is_acknowledged_is_found_and_written_in_time(followed):
    followed.append(announce=True)
    followed.append({("up", "c"): 3.0}, announce=True, partition=1)
    assert followed.catch_up().keys() == {*PAGE, ("up", "c")}
    assert followed.follower.lag() == {0: 0, 1: 0}
    assert followed.stream.committed(GROUP) == {}
    followed.clock.advance(61)
    followed.follower.poll()
    assert followed.stream.committed(GROUP) == {0: 2, 1: 1}


def test_after_a_kill_at_any_moment_each_sample_is_there_once(followed):
    expected = {series: [] for series in PAGE}
    for number in range(12):
        followed.append(announce=number == 0)
        for series, value in PAGE.items():
            expected[series].append((NOW_MS + followed.tick, value))
        if number % 3 == 0:
            followed.follower.poll()
        if number % 5 == 1:
            followed.follower.write()
        if number % 2:
            followed.start()  # nothing was closed, nothing was written
        assert followed.catch_up() == expected
    assert followed.head.counts.unknown == 0


def test_a_damaged_head_is_read_anew_from_the_stream(followed):
    followed.append(announce=True)
    expected = followed.catch_up()
    followed.follower.write()
    samples = next((followed.path / "head").glob("samples-*"))
    samples.write_bytes(samples.read_bytes()[:100])
    followed.start()
    assert followed.catch_up() == expected
    followed.follower.write()
    followed.start()
    assert followed.catch_up() == expected


def test_what_is_announced_with_labels_that_are_none_is_passed_over_alone(followed):
    followed.append(announce=True)
    labels = pa.array([b"__name__\xffup\xffpod"], pa.binary())
    good = page(NOW_MS + 5, {("up", "z"): 1.0})
    wrong = good.set_column(4, SAMPLES_SCHEMA.field("labels"), labels)
    followed.stream.submit(wrong).result()
    followed.append()
    found = followed.catch_up()
    assert found.keys() == PAGE.keys()
    counts = followed.head.counts
    assert (counts.broken_labels, counts.unknown) == (1, 1)


def test_a_stream_of_something_else_is_refused(followed):
    other = followed.store.open("lines", RECORD_SCHEMA)
    with pytest.raises(InvalidInputError, match="'lines' does not hold samples"):
        HeadFollower(other, Head(), HeadFolder(followed.path / "other"))


def test_samples_that_waited_for_hours_are_judged_by_their_own_arrival(followed):
    for hour in range(3):
        followed.stream.submit(page(NOW_MS + hour * 3_600_000, PAGE, announce=True)).result()
        followed.clock.advance(3_600)
    assert [len(each) for each in followed.catch_up().values()] == [3, 3]
    assert followed.head.counts.early == 0
