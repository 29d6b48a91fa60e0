"""Plain lines: the column ``message``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from madang.process.formats.split import Split, TextColumn
from madang.process.layout import Kind


class PlainSplitter:
    """Everything is the message."""

    def split(self, text: pa.Array, attributes: Mapping[str, str]) -> Split:
        """One column, ``message``."""
        del attributes
        return Split(np.arange(len(text)), [TextColumn("message", text, Kind.STRING)])
