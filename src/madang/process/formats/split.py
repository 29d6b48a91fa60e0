"""What a text format makes of records: named columns of text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from madang.process.engine import whole
from madang.process.layout import Kind
from madang.process.parsed import Dead, Rows

NO_MATCH = "no_match"
"""Code of the dead letters of records that are not of the format at all."""


@dataclass(frozen=True, slots=True)
class TextColumn:
    """Values of one field: string, null where a record has none.

    ``kind``: what the format says that the field is; None where the values decide.
    """

    name: str
    text: pa.Array
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """Columns of the records ``rows`` (indices in the input), and the dead others.

    ``whole`` marks, among ``rows``, records of which the columns do not say everything: they are
    kept whole in ``_rest``.
    """

    rows: Rows
    columns: list[TextColumn]
    dead: list[Dead] = field(default_factory=list)
    whole: npt.NDArray[np.bool_] | None = None


class Splitter(Protocol):
    """Splits the records of one format. Pure."""

    def split(self, text: pa.Array, attributes: Mapping[str, str]) -> Split:
        """Split ``text`` (string, no nulls, line ends cut off); ``attributes`` as of the chunk."""
        ...


def column(table: pa.Table, name: str) -> pa.Array:
    """A column of a result as one array."""
    return whole(table.column(name))


def matched(flags: pa.Array, reason: str) -> tuple[Rows, list[Dead]]:
    """The rows that are true in ``flags``, and dead letters of the others."""
    good = flags.to_numpy(zero_copy_only=False).astype(np.bool_)
    dead = [Dead(row, NO_MATCH, reason) for row in np.flatnonzero(~good).tolist()]
    return np.flatnonzero(good), dead
