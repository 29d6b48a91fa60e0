"""``kill -9`` of delivery and compaction at every step: every record is there exactly once."""

from pathlib import Path

import pytest

from crash.kill_at_step import run_child
from lake_fixtures import letters, numbers, open_streams, records
from madang.core.datadir import DataDir
from madang.lake import Lake

pytestmark = pytest.mark.crash
CHILD = Path(__file__).parent / "lake_child.py"
ROUND = 20
"""Records of a round; every tenth is a dead letter."""


SLOW = [pytest.param(first, marks=pytest.mark.slow) for first in (1, 2, 4, 5)]


# A round has 37 steps at most, and the next one is killed five steps later: these reach each.
@pytest.mark.parametrize("first", [3, *SLOW])
def test_exactly_once_whenever_it_dies(tmp_path, first):
    data = DataDir(tmp_path)
    sent, dead, kills = [], [], 0
    with open_streams(data) as store:
        for number in range(8):
            base = number * ROUND
            values = ["dead" if i % 10 == 5 else i for i in range(base, base + ROUND)]
            store.get("orders").submit(records(values)).result()
            sent += [value for value in values if value != "dead"]
            dead += [base + i for i, value in enumerate(values) if value == "dead"]
            kills += run_child(CHILD, tmp_path, first + number * 5)
    assert kills >= 5
    assert not run_child(CHILD, tmp_path, 0)
    with open_streams(data) as store:
        assert letters(store) == dead
        lake = Lake(data)
        assert numbers(lake) == sent
        assert lake.table("lake.orders").offsets() == {"orders/0": 8 * ROUND}
        scanned = lake._catalog.open().load_table("lake.orders").scan().to_arrow()
        assert scanned.num_rows == len(sent)
        assert store.get("orders").committed("lake") == {0: 8 * ROUND}
        lake.close()
