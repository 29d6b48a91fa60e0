"""The lake: Iceberg tables that streams are delivered to, their evolution and their upkeep.

Entry: :class:`Lake` (tables by name), :class:`LakeTable` (commit, pin, describe),
:class:`Deliverer` (a stream into its table, exactly once), :class:`Upkeep` (compaction, expiry,
retention, orphans). Port: :class:`Decoder`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from madang.lake.decoder import DEAD_LETTER_SCHEMA, Decoded, Decoder
from madang.lake.tally import Misfit, Tally

if TYPE_CHECKING:
    from madang.lake.compaction import CompactionReport as CompactionReport
    from madang.lake.deliver import Deliverer as Deliverer
    from madang.lake.deliver import DeliveryState as DeliveryState
    from madang.lake.deliver import Step as Step
    from madang.lake.describe import TableDescription as TableDescription
    from madang.lake.describe import TableSummary as TableSummary
    from madang.lake.expiry import ExpiryReport as ExpiryReport
    from madang.lake.expiry import RetentionReport as RetentionReport
    from madang.lake.lake import Lake as Lake
    from madang.lake.orphans import OrphanReport as OrphanReport
    from madang.lake.pinned import PinnedColumn as PinnedColumn
    from madang.lake.pinned import PinnedFile as PinnedFile
    from madang.lake.pinned import PinnedTable as PinnedTable
    from madang.lake.readers import Readers as Readers
    from madang.lake.readers import Reading as Reading
    from madang.lake.table import CommitReport as CommitReport
    from madang.lake.table import LakeTable as LakeTable
    from madang.lake.upkeep import Upkeep as Upkeep
    from madang.lake.upkeep import UpkeepState as UpkeepState
    from madang.lake.upkeep import UpkeepStep as UpkeepStep

# Whoever needs the decoder port alone does not pay for the import of PyIceberg.
_HOMES = {
    "CommitReport": "table",
    "CompactionReport": "compaction",
    "Deliverer": "deliver",
    "DeliveryState": "deliver",
    "ExpiryReport": "expiry",
    "Lake": "lake",
    "LakeTable": "table",
    "OrphanReport": "orphans",
    "PinnedColumn": "pinned",
    "PinnedFile": "pinned",
    "PinnedTable": "pinned",
    "Readers": "readers",
    "Reading": "readers",
    "RetentionReport": "expiry",
    "Step": "deliver",
    "TableDescription": "describe",
    "TableSummary": "describe",
    "Upkeep": "upkeep",
    "UpkeepState": "upkeep",
    "UpkeepStep": "upkeep",
}

__all__ = [  # noqa: PLE0604  (keys are strings)
    "DEAD_LETTER_SCHEMA",
    "Decoded",
    "Decoder",
    "Misfit",
    "Tally",
    *_HOMES,
]


def __getattr__(name: str) -> Any:  # noqa: ANN401  (a module's attribute may be anything)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
