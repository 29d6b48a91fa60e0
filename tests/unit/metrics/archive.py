"""A log of samples, the head that follows it, and its tables, on real files."""

from madang.core.clock import ManualClock
from madang.core.datadir import DataDir
from madang.core.names import SAMPLES, SERIES
from madang.core.samples import SAMPLES_SCHEMA
from madang.lake import Lake
from madang.metrics.head.folder import HeadFolder
from madang.metrics.head.follower import FollowLimits, HeadFollower
from madang.metrics.head.head import Head
from madang.metrics.tables.delivery import SampleDelivery, SampleTables
from madang.stream import LogStore
from unit.metrics.pages import contents, page

NOW_MS = 1_795_219_200_000  # 2026-11-21 00:00 UTC
HOUR_MS = 3_600_000


class Archived:
    """A follower of the moment with its tables; ``start`` is what a new process does."""

    def __init__(self, path, *, partitions=2, **head_options):
        self.path = path
        self.options = head_options
        self.clock = ManualClock(NOW_MS * 1000)
        self.data = DataDir(path)
        self.partitions = partitions
        self.open()
        self.start()

    def open(self):
        self.store = LogStore(
            self.data.streams, clock=self.clock, min_free_bytes=0, segment_size_bytes=4096
        )
        self.stream = self.store.open(SAMPLES, SAMPLES_SCHEMA, self.partitions)

    def start(self, on_step=None):
        self.lake = Lake(self.data)
        self.tables = SampleTables(self.lake, self.stream)
        self.head = Head(**self.options)
        limits = FollowLimits(write_every_s=60, write_at_samples=1000)
        self.follower = HeadFollower(
            self.stream,
            self.head,
            HeadFolder(self.path / "head"),
            clock=self.clock,
            limits=limits,
            archive=self.tables,
        )
        self.follower.restore()
        self.delivery = SampleDelivery(
            self.tables, self.follower, clock=self.clock, on_step=on_step
        )

    def append(self, ts_ms, values, *, announce=True, partition=0):
        self.clock.advance(max(0, ts_ms / 1000 - self.clock.now_us() / 1e6))
        self.stream.submit(page(ts_ms, values, announce=announce), partition=partition).result()

    def catch_up(self):
        while self.follower.poll():
            pass
        return contents(self.head)

    def deliver(self):
        self.catch_up()
        self.follower.write()
        self.delivery.deliver()

    def rows(self, table=SAMPLES):
        import pyarrow.parquet as pq

        if not self.lake.exists(table):
            return []
        files = self.lake.table(table).pin().files
        return [
            row for file in files for row in pq.read_table(file.path, partitioning=None).to_pylist()
        ]

    def stored(self):
        """(name, pod) → [(ms, value)] of the tables."""
        labels = {
            row["series"]: (row["name"], dict(row["labels"])["pod"]) for row in self.rows(SERIES)
        }
        found = {}
        for row in self.rows():
            key = labels[row["series"]]
            assert key[0] == row["name"]
            ms = round(row["_time"].timestamp() * 1000)
            found.setdefault(key, []).append((ms, row["value"]))
        return {key: sorted(each) for key, each in found.items()}
