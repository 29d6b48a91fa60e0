"""A stream's format is changed while records that came before wait to be delivered."""

from __future__ import annotations

import pytest

from madang.testing.records import record_batch
from unit.operate.changing_stream import World


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.store.close()
    made.lake.close()


def test_each_record_is_read_as_the_stream_said_when_it_came(world):
    world.say(format="json")
    world.append(b'{"a": 1}', b'{"a": 2}')
    world.say(format="logfmt")
    world.append(b"a=3", b"a=4")
    world.say(format="csv", header=("a", "b"), delimiter=";")
    world.append(b"5;x")
    world.say(format="csv", header=("b", "a"))
    world.append(b"y,6")
    world.say(format="regex", pattern="(?P<a>[0-9]+)!")
    world.append(b"7!")
    world.say(format="plain")
    world.append(b"text")
    expected = [
        {"a": 1}, {"a": 2}, {"a": 3}, {"a": 4}, {"a": 5, "b": "x"}, {"a": 6, "b": "y"}, {"a": 7},
        {"message": "text"},
    ]  # fmt: skip
    assert world.fresh() == expected
    assert world.deliver() == expected
    assert not world.dead.bounds(0).end


def test_a_body_of_another_format_stays_what_it_is(world):
    world.say(format="regex", pattern="(?P<a>[0-9]+)!")
    world.append(b'{"a": 1}', format="json")
    world.say(format="logfmt")
    assert world.deliver() == [{"a": 1}]


def test_records_of_a_version_that_did_not_say_are_read_as_the_stream_says_now(world):
    stream = world.store.open("s")
    stream.submit(record_batch([b"a=1"])).result(10)
    world.say(format="logfmt")
    assert world.deliver() == [{"a": 1}]


@pytest.mark.parametrize("reading", ["", "no format", "{", "[]", '{"format": "x"}', '{"name": 5}'])
def test_what_cannot_be_understood_is_read_as_the_stream_says_now(world, reading):
    world.say(format="logfmt")
    world.append(b"a=1", reading=reading)
    assert world.deliver() == [{"a": 1}]


def test_a_letter_that_the_wrong_format_made_is_mended_by_the_right_one(world):
    world.say(format="json")
    world.append(b"a=1", b'{"a": 2}')
    assert world.deliver() == [{"a": 2}]
    assert world.dead.bounds(0).end == 1
    world.say(format="logfmt")
    assert world.replay() == 1
    assert world.deliver() == [{"a": 2}, {"a": 1}]
    assert world.dead.bounds(0).end == 1
