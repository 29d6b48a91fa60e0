"""Numbers as Prometheus writes them."""

from __future__ import annotations

import math

import numpy as np


def number_text(value: float) -> str:
    """A number as Go's ``FormatFloat(v, 'f', -1, 64)``: shortest, never with an exponent."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return np.format_float_positional(value, trim="-")
