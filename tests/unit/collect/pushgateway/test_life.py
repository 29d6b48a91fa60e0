"""Groups over restarts, broken files, full disks, and until the end of their time."""

from __future__ import annotations

import errno
import logging
import threading

import pytest

from madang.collect.pushgateway import group_files
from madang.core.clock import ManualClock
from madang.core.errors import StorageFullError, UnavailableError
from madang.project.metrics_spec import PushgatewaySpec
from pushing import pushing


def files(folder) -> list:
    return sorted((folder / "groups").iterdir())


def until(condition) -> None:
    """Wait for what another thread does."""
    tries = threading.Event()
    for _ in range(500):
        if condition():
            return
        tries.wait(0.01)
    raise AssertionError


def test_groups_survive_a_restart(tmp_path):
    with pushing(tmp_path) as gate:
        gate.push("job/j/a@base64/=", '# TYPE h histogram\nh_bucket{le="1"} 1\nh_count 2\n')
        gate.push("job/j", "# HELP a é\na 1\n", ttl_s=5000.0)
        gate.delete("job/none")
        page = gate.page()
        told = gate.gateway.listing()
    with pushing(tmp_path, clock=ManualClock()) as gate:
        assert gate.page() == page
        assert sorted(map(str, gate.gateway.listing())) == sorted(map(str, told))
        gate.delete("job/j")
    with pushing(tmp_path) as gate:
        assert [dict(group.labels) for group in gate.gateway.groups()] == [{"a": "", "job": "j"}]


def test_the_file_of_a_deleted_group_goes_when_its_series_have_ended(tmp_path):
    with pushing(tmp_path) as gate:
        gate.push("job/j", "a 1\n")
        assert len(files(tmp_path)) == 1
        gate.delete("job/j")
        until(lambda: not files(tmp_path))
        gate.push("job/j", "a 1\n")
        assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("harm", [lambda data: data[:-1], lambda data: b"x" + data, lambda _: b"",
                                  lambda data: data[:-3] + b"\0" + data[-2:]])  # fmt: skip
def test_a_broken_file_is_set_aside_and_told(tmp_path, harm, caplog):
    with pushing(tmp_path) as gate:
        gate.push("job/j", "a 1\n")
    with pushing(tmp_path) as gate:
        gate.push("job/k", "b 2\n")
    broken = files(tmp_path)[0]
    broken.write_bytes(harm(broken.read_bytes()))
    (tmp_path / "groups/left.tmp").write_bytes(b"half a draft")
    with caplog.at_level(logging.ERROR), pushing(tmp_path) as gate:
        assert len(gate.lines()) == 1
        assert gate.gateway.broken == (tmp_path / "groups/broken" / broken.name,)
        assert gate.gateway.broken[0].exists()
        assert "cannot be read" in caplog.text
    assert not (tmp_path / "groups/left.tmp").exists()


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, StorageFullError), (errno.EIO, UnavailableError)],
)
def test_what_cannot_be_written_is_not_acknowledged(gate, monkeypatch, number, expected):
    gate.push("job/j", "# TYPE a gauge\na 1\n")
    before = gate.page()

    def fail(*_args):
        raise OSError(number, "no")

    with monkeypatch.context() as patch:
        patch.setattr(group_files, "_write", fail)
        with pytest.raises(expected):
            gate.push("job/j", "# TYPE b gauge\nb 1\n")
        with pytest.raises(expected):
            gate.push("job/k", "# TYPE b counter\nb 1\n")
        with pytest.raises(expected):
            gate.delete("job/j")
    assert gate.page() == before
    gate.push("job/k", "# TYPE b counter\nb 1\n")
    assert len(gate.lines()) == 2


def test_a_closed_gateway_says_so(tmp_path):
    with pushing(tmp_path) as gate:
        pass
    with pytest.raises(UnavailableError, match="closed"):
        gate.push("job/j", "a 1\n")


def test_groups_go_when_their_time_is_over(tmp_path):
    with pushing(tmp_path, PushgatewaySpec(ttl=100.0, interval=3600.0)) as gate:
        gate.push("job/default", "a 1\n")
        gate.push("job/longer", "a 1\n", ttl_s=200.0)
        gate.push("job/ever", "a 1\n", ttl_s=0.0)
        told = {one["labels"]["job"]: one.get("@ttl") for one in gate.gateway.listing()}
        assert told["ever"] is None
        assert told["longer"] == {"seconds": 200.0, "expires_at": "2026-01-01T00:03:22.000000Z"}
        assert told["default"]["seconds"] == 100.0
        gate.clock.advance(99)
        gate.push("job/ever", "")
        until(lambda: len(gate.lines()) == 2)
        gate.clock.advance(200)
        gate.push("job/ever", "")
        until(lambda: gate.lines() == {'a{instance="",job="ever"} 1'})


def test_a_push_prolongs_the_life_it_was_given(tmp_path):
    with pushing(tmp_path) as gate:
        gate.push("job/j", "a 1\n", ttl_s=100.0)
        gate.clock.advance(90)
        gate.push("job/j", "b 1\n")
        gate.clock.advance(90)
        with pytest.raises(Exception, match="timestamps"):
            gate.push("job/j", "b 1 1\n")  # prolongs nothing
        assert len(gate.lines()) == 2
        gate.clock.advance(10)
        gate.push("job/other", "")
        until(lambda: not gate.lines())
        gate.push("job/j", "a 1\n", ttl_s=100.0)
        gate.put("job/j", "a 1\n")
        assert "@ttl" not in gate.gateway.listing()[0]


def test_time_goes_on_over_a_restart(tmp_path):
    with pushing(tmp_path) as gate:
        gate.push("job/j", "a 1\n", ttl_s=100.0)
    clock = ManualClock()
    clock.advance(200)
    with pushing(tmp_path, clock=clock) as gate:
        until(lambda: not gate.lines())


def test_other_settings_count_for_groups_that_are_there(tmp_path):
    with pushing(tmp_path) as gate:
        gate.push("job/j", "a 1\n")
    clock = ManualClock()
    clock.advance(1000)
    with pushing(tmp_path, PushgatewaySpec(ttl=10.0), clock=clock) as gate:
        until(lambda: not gate.lines())


def test_many_pushes_are_one_appointment(tmp_path):
    with pushing(tmp_path, PushgatewaySpec(ttl=100.0, interval=3600.0)) as gate:
        for _ in range(50):
            gate.push("job/j", "a 1\n")
        store = gate.gateway._store
        assert len(store._expiries) == 1
        gate.push("job/j", "a 1\n", ttl_s=10.0)
        assert len(store._expiries) == 2
        gate.clock.advance(11)
        gate.push("job/other", "b 1\n")
        until(lambda: len(gate.lines()) == 1)
        assert [key for _, key in store._expiries if store._scheduled.get(key)] == [b"job\xffother"]
