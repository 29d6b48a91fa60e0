"""A process that delivers and keeps the tables, and kills itself at a chosen step."""

import sys
from pathlib import Path

from crash.kill_at_step import Steps
from lake_fixtures import NumberDecoder
from madang.core.datadir import DataDir
from madang.lake import Deliverer, Lake, Upkeep, compaction, files, transaction
from madang.project import CompactionSpec, DeliverSpec, TableSpec
from madang.stream import LogStore


def main(root, kill_at):
    """Deliver what there is; ``kill -9`` itself when the ``kill_at``-th step is reached."""
    step = Steps(kill_at)
    # Every file and folder that is made durable, before and after; every commit to the catalog.
    for module in (files, sys.modules["madang.lake.writer"]):
        step.watch(module, "sync_folder")
    step.watch(sys.modules["madang.lake.writer"], "sync_file")
    step.watch(sys.modules["madang.lake.table"], "append_files")
    step.watch(compaction, "replace_files")
    step.watch(transaction.LakeTransaction, "commit_transaction")
    data = DataDir(Path(root))
    lake = Lake(data)
    with LogStore(data.streams, min_free_bytes=0) as store:
        work = Deliverer(
            lake,
            store.get("orders"),
            NumberDecoder(),
            "lake.orders",
            spec=DeliverSpec(buffer_size=1, buffer_time=0),
            dead_letters=lambda: store.get("orders.dead"),
            on_step=step,
        )
        while work.poll().worked:
            pass
        work.flush()
        if work.state.error:
            raise SystemExit(str(work.state.error))
        spec = CompactionSpec(min_files=2)
        upkeep = Upkeep(lake, spec_of=lambda name: TableSpec(name=name, compaction=spec))
        while upkeep.poll().report:
            step()
        if upkeep.state.errors:
            raise SystemExit(str(upkeep.state.errors))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
