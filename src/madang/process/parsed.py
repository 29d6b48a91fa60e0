"""What a format makes of a run of records."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from madang.lake.tally import Misfit, Tally

Rows = npt.NDArray[np.int64]


class Dead(NamedTuple):
    """A record that became no row: its index in the input, a code, and why."""

    row: int
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """Columns of the records that became rows, and the others.

    ``rows`` are the records' indices in the input, ascending; every column and ``rest`` has their
    length. ``dead`` holds all other records.
    """

    rows: Rows
    columns: dict[str, pa.Array]
    rest: pa.Array
    misfits: dict[Misfit, Tally] = field(default_factory=dict)
    dead: list[Dead] = field(default_factory=list)

    def without(self, dead: list[Dead]) -> Parsed:
        """The same without further records, named by their index among ``rows``."""
        if not dead:
            return self
        keep = np.ones(len(self.rows), np.bool_)
        keep[[entry.row for entry in dead]] = False
        left = pa.array(np.flatnonzero(keep))
        return replace(
            self,
            rows=self.rows[keep],
            columns={name: column.take(left) for name, column in self.columns.items()},
            rest=self.rest.take(left),
            dead=self.dead + [entry._replace(row=int(self.rows[entry.row])) for entry in dead],
        )

    def within(self, rows: Rows, dead: list[Dead]) -> Parsed:
        """The same seen from a longer input: ``rows`` of it were parsed, ``dead`` were not."""
        inner = [entry._replace(row=int(rows[entry.row])) for entry in self.dead]
        return replace(self, rows=rows[self.rows], dead=dead + inner)
