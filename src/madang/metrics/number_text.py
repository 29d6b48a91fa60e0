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


def exponent_text(value: float) -> str:
    """A number as Go's ``FormatFloat(v, 'e', -1, 64)``: shortest, always with an exponent."""
    if not math.isfinite(value):
        return number_text(value)
    return np.format_float_scientific(value, trim="-", exp_digits=2)


def sample_text(value: float) -> str:
    """A sample's value in JSON: with an exponent below 1e-6 and from 1e21 on."""
    size = abs(value)
    return exponent_text(value) if size >= 1e21 or 0 < size < 1e-6 else number_text(value)


def page_text(value: float) -> str:
    """A number on a page to scrape: Go's ``FormatFloat(v, 'g', -1, 64)``, without -0."""
    size = abs(value)
    if 1e-4 <= size < 1e6:
        return repr(value).removesuffix(".0")
    if size == 0:
        return "0"  # pages have no -0
    return exponent_text(value) if size < np.inf else number_text(value)
