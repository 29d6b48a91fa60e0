"""Replayed dead letters, and a table that is dropped and built from its stream anew."""

from __future__ import annotations

import shutil

import pytest

from madang.core.clock import ManualClock
from madang.operate import replay as module
from unit.operate.changing_stream import World

DAY_S = 86_400


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def world(tmp_path, clock):
    made = World(tmp_path, clock)
    yield made
    made.store.close()
    made.lake.close()


def values(rows):
    return sorted(row["a"] for row in rows)


@pytest.fixture
def mended(world):
    """Records 1 to 4, of which 2 and 3 died, were mended by another pattern, and replayed."""
    world.say(format="regex", pattern="n(?P<a>[0-9]+)", columns={"a": "long"})
    world.append(b"n1", b"m2", b"m3", b"n4")
    assert values(world.deliver()) == [1, 4]
    world.say(format="regex", pattern="[mn](?P<a>[0-9]+)", columns={"a": "long"})
    assert world.replay() == 2
    assert values(world.deliver()) == [1, 2, 3, 4]
    return world


@pytest.fixture
def unsaid(world, monkeypatch):
    """Records do not say how to be read: a rebuilt table reads all of them by the present."""
    monkeypatch.setattr("madang.operate.streams.reading_of", lambda spec: "unsaid")
    return world


def test_a_rebuilt_table_has_each_record_once(unsaid, mended):
    mended.lake.drop("lake.s")
    assert values(mended.fresh()) == [1, 2, 3, 4]
    assert values(mended.deliver()) == [1, 2, 3, 4]
    mended.append(b"n5")
    assert values(mended.deliver()) == [1, 2, 3, 4, 5]


def test_a_rebuilt_table_whose_originals_are_still_dead_takes_the_copies(mended):
    # The records say that they are to be read by the first pattern.
    mended.lake.drop("lake.s")
    assert values(mended.deliver()) == [1, 2, 3, 4]


def test_copies_that_come_after_their_originals_were_committed(unsaid, mended):
    """The rebuilt table commits the originals first, and the copies later, or reads them fresh."""
    copies = mended.store.get("s").read(0, 4)
    mended.lake.drop("lake.s")
    (first, *_) = mended.store.get("s").read(0, 0)
    assert first.end_offset == 4
    assert copies[0].base_offset == 4
    rows = values(deliver_up_to(mended, 4))
    assert rows == [1, 2, 3, 4]
    assert mended.fresh() == []
    assert values(mended.deliver()) == [1, 2, 3, 4]


def deliver_up_to(world, offset):
    """Deliver as if the stream ended at ``offset``."""
    stream = world.store.get("s")
    read, bounds = stream.read, stream.bounds

    def short(partition):
        found = bounds(partition)
        return type(found)(found.earliest, min(found.end, offset), found.size_bytes)

    stream.bounds = short
    stream.read = lambda p, at, **given: [c for c in read(p, at, **given) if c.base_offset < offset]
    try:
        return world.deliver()
    finally:
        del stream.bounds, stream.read


def test_a_copy_that_died_again_and_was_replayed_again(unsaid, world):
    world.say(format="regex", pattern="n(?P<a>[0-9]+)", columns={"a": "long"})
    world.append(b"n1", b"m2")
    world.deliver()
    assert world.replay() == 1
    assert values(world.deliver()) == [1]
    assert world.replay() == 1
    world.say(format="regex", pattern="[mn](?P<a>[0-9]+)", columns={"a": "long"})
    assert values(world.deliver()) == [1, 2]
    world.lake.drop("lake.s")
    assert values(world.deliver()) == [1, 2]


def test_a_letter_whose_record_became_a_row_after_a_crash(unsaid, world):
    """Killed between the letters and the commit; the decoder was mended before the restart."""

    class KilledError(BaseException):
        pass

    def kill(step):
        if step == "dead_letters":
            raise KilledError

    world.say(format="regex", pattern="n(?P<a>[0-9]+)", columns={"a": "long"})
    world.append(b"n1", b"m2")
    with pytest.raises(KilledError):
        world.deliver(on_step=kill)
    world.say(format="regex", pattern="[mn](?P<a>[0-9]+)", columns={"a": "long"})
    assert values(world.deliver()) == [1, 2]
    assert world.replay() == 1
    assert values(world.fresh()) == []
    assert values(world.deliver()) == [1, 2]


def test_what_is_asked_for_twice_comes_twice(mended):
    assert mended.replay(from_offset=0, to_offset=1) == 1
    assert values(mended.deliver()) == [1, 2, 2, 3, 4]


def test_letters_of_another_log_are_copies_of_nothing_here(unsaid, mended):
    mended.say(format="regex", pattern="n(?P<a>[0-9]+)", columns={"a": "long"})
    mended.append(b"m9")
    mended.deliver()
    mended.store.close()
    shutil.rmtree(mended.data.streams / "s")
    mended.lake.drop("lake.s")
    mended.restart()
    mended.say(format="regex", pattern="[mn](?P<a>[0-9]+)", columns={"a": "long"})
    mended.append(*[b"n%d" % number for number in range(20, 30)])
    assert values(mended.deliver()) == [*range(20, 30)]
    assert mended.replay() == 1, "the letter of the offset 6, which is another record here"
    assert values(mended.deliver()) == [9, *range(20, 30)]


def test_a_replay_that_goes_on_days_after_it_was_killed_doubles_nothing(world, clock, monkeypatch):
    world.say(format="regex", pattern="n(?P<a>[0-9]+)", columns={"a": "long"})
    world.append(*[b"m%d" % number for number in range(300)])
    world.deliver()
    real = module._append
    runs = []

    def killed(*given):
        count = real(*given)
        runs.append(count)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_append", killed)
    with pytest.raises(KeyboardInterrupt):
        world.replay()
    assert runs == [256]
    monkeypatch.setattr(module, "_append", real)
    clock.advance(30 * DAY_S)
    world.restart()
    assert world.replay() == 300
    assert world.store.get("s").bounds(0).end == 600


def test_new_letters_after_the_old_ones_were_removed_by_hand(world):
    world.say(format="regex", pattern="n(?P<a>[0-9]+)", columns={"a": "long"})
    world.append(b"m1", b"m2")
    world.deliver()
    assert world.replay() == 2
    world.store.close()
    shutil.rmtree(world.data.streams / "s.dead")
    world.restart()
    world.append(b"m3", b"m4")
    world.deliver()
    assert world.dead.bounds(0).end == 4, "the copies died, too"
    assert world.replay() == 4
