"""A stream whose description changes, with its table and its dead letters."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from madang.core.datadir import DataDir
from madang.lake import Deliverer, Lake
from madang.operate.replay import replay
from madang.operate.streams import open_stream
from madang.process import StreamDecoder
from madang.project import PlatformSpec, Project, StreamSpec
from madang.query import LakeCatalog
from madang.stream import LogStore
from madang.testing.records import record_batch


class World:
    """A stream ``s`` whose spec changes."""

    def __init__(self, root, clock=None):
        self.root = root
        self.clock = clock
        self.data = DataDir(root / "data")
        self.lake = Lake(self.data, clock=clock)
        self.versions = 0
        self.restart()

    def restart(self):
        if hasattr(self, "store"):
            self.store.close()
        self.store = LogStore(self.data.streams, clock=self.clock, min_free_bytes=0)

    def say(self, **spec):
        self.versions += 1
        self.project = Project(
            directory=str(self.root),
            version=str(self.versions),
            platform=PlatformSpec(),
            streams={"s": StreamSpec(name="s", **spec)},
        )

    def append(self, *values, **attributes):
        stream = open_stream(self.store, self.project, "s")
        stream.submit(record_batch(list(values)), attributes=attributes or None).result(10)

    def replay(self, **asked):
        return replay(self.dead, open_stream(self.store, self.project, "s"), **asked).count

    @property
    def dead(self):
        return open_stream(self.store, self.project, "s.dead")

    def fresh(self):
        catalog = LakeCatalog(self.data, lambda: self.project)
        rows = catalog.fresh(catalog.pin("lake.s")).rows
        catalog.close()
        return _plain(rows)

    def deliver(self, on_step=None):
        """Every row of the table after all was delivered."""
        spec = self.project.streams["s"]
        work = Deliverer(
            self.lake,
            open_stream(self.store, self.project, "s"),
            StreamDecoder(spec, zone="UTC", project_dir=self.root),
            "lake.s",
            spec=spec.delivery,
            dead_letters=lambda: self.dead,
            clock=self.clock,
            on_step=on_step,
        )
        assert work.flush(), work.state.error
        files = self.lake.table("lake.s").pin().files
        tables = [pq.read_table(each.path, partitioning=None) for each in files]
        if not tables:
            return []
        rows = pa.concat_tables(tables, promote_options="permissive").sort_by("_offset")
        return _plain(rows)


def _plain(rows):
    return [
        {k: v for k, v in row.items() if v is not None and not k.startswith("_")}
        for row in rows.to_pylist()
    ]
