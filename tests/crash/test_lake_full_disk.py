"""A disk that is really full: delivery waits, nothing is lost, it goes on when there is room."""

import os
import subprocess

import pytest

from lake_fixtures import NumberDecoder, letters, numbers, open_streams, records
from madang.core.clock import ManualClock
from madang.core.datadir import DataDir
from madang.lake import Deliverer, Lake, Upkeep
from madang.project import CompactionSpec, DeliverSpec, TableSpec

pytestmark = pytest.mark.crash


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 6 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder, leave_bytes):
    """Take all room but ``leave_bytes``."""
    found = os.statvfs(folder)
    size = found.f_bavail * found.f_frsize - leave_bytes
    (folder / "filler").write_bytes(b"\0" * max(0, size))


def test_delivery_waits_for_room(small_disk):
    data, clock = DataDir(small_disk), ManualClock()
    lake = Lake(data)
    with open_streams(data) as store:
        work = Deliverer(
            lake,
            store.get("orders"),
            NumberDecoder(),
            "lake.orders",
            spec=DeliverSpec(buffer_time=0),
            dead_letters=lambda: store.get("orders.dead"),
            clock=clock,
        )
        sent, failures = [], set()
        for leave in (0, 4096, 8192, 16_384, 32_768, 65_536):
            values = [*range(len(sent), len(sent) + 500)]
            store.get("orders").submit(records([*values, "dead"])).result()
            sent += values
            fill(small_disk, leave)
            for _ in range(3):
                work.poll()
                if work.state.error:
                    failures.add(work.state.error.code)
                    assert work.state.error.retryable
                clock.advance(10)
            (small_disk / "filler").unlink()
            clock.advance(10)
            while work.poll().worked:
                pass
            assert work.flush()
            assert work.state.error is None
            assert numbers(lake) == sent
        assert failures == {"storage_full"}
        assert len(letters(store)) == 6
    lake.close()


def test_compaction_waits_for_room(small_disk):
    data, clock = DataDir(small_disk), ManualClock()
    lake = Lake(data, clock=clock)
    with open_streams(data) as store:
        for i in range(10):
            store.get("orders").submit(records(range(i * 100, i * 100 + 100))).result()
            work = Deliverer(
                lake,
                store.get("orders"),
                NumberDecoder(),
                "lake.orders",
                spec=DeliverSpec(),
                dead_letters=lambda: store.get("orders.dead"),
            )
            assert work.flush()
        spec = CompactionSpec(min_files=2)
        upkeep = Upkeep(lake, spec_of=lambda name: TableSpec(name=name, compaction=spec))
        fill(small_disk, 0)
        upkeep.poll()
        assert upkeep.state.errors["lake.orders"].code == "storage_full"
        assert numbers(lake) == list(range(1000))
        (small_disk / "filler").unlink()
        clock.advance(60)
        while upkeep.poll().report:
            pass
        assert not upkeep.state.errors
        assert len(lake.table("lake.orders").pin().files) == 1
        assert numbers(lake) == list(range(1000))
    lake.close()
