"""A process that follows samples, delivers them, and kills itself at a chosen step."""

import shutil
import sys
from pathlib import Path

from crash.kill_at_step import Steps
from madang.core.datadir import DataDir
from madang.core.names import SAMPLES
from madang.lake import Lake, Upkeep, compaction, files, transaction
from madang.metrics.head import folder
from madang.metrics.head.follower import FollowLimits, HeadFollower
from madang.metrics.head.head import Head
from madang.metrics.tables.delivery import SampleDelivery, SampleTables
from madang.project import CompactionSpec, TableSpec
from madang.stream import LogStore

HOUR_MS = 3_600_000


def main(root, kill_at, lose):
    """Take and deliver what there is; ``kill -9`` itself when the ``kill_at``-th step is reached.

    With ``lose`` the head's files are gone at first, as on a new machine.
    """
    step = Steps(kill_at)
    step.watch(folder, "write_series", "sync_folder", "replace_file")
    step.watch(sys.modules["madang.metrics.head.block"], "write_samples")
    step.watch(files, "sync_folder")
    step.watch(sys.modules["madang.lake.writer"], "sync_file")
    step.watch(sys.modules["madang.lake.table"], "append_files")
    step.watch(compaction, "replace_files")
    step.watch(transaction.LakeTransaction, "commit_transaction")
    data = DataDir(Path(root))
    if lose:
        shutil.rmtree(data.head, ignore_errors=True)
    lake = Lake(data)
    with LogStore(data.streams, min_free_bytes=0) as store:
        stream = store.get(SAMPLES)
        tables = SampleTables(lake, stream)
        head = Head(block_ms=HOUR_MS, late_ms=HOUR_MS, keep_ms=HOUR_MS)
        limits = FollowLimits(write_every_s=1e9, write_at_samples=20)
        follower = HeadFollower(
            stream, head, folder.HeadFolder(data.head), limits=limits, archive=tables
        )
        follower.restore()
        delivery = SampleDelivery(tables, follower, on_step=step)
        while follower.poll():
            pass
        follower.write()
        while delivery.deliver():
            follower.write()
        spec = CompactionSpec(min_files=2)
        upkeep = Upkeep(lake, spec_of=lambda name: TableSpec(name=name, compaction=spec))
        while upkeep.poll().report:
            step()
        if upkeep.state.errors:
            raise SystemExit(str(upkeep.state.errors))
        if head.counts.unknown:
            raise SystemExit(f"{head.counts.unknown} samples without a series")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3] == "lose")
