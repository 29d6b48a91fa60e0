"""OpenTelemetry's names and units → Prometheus's.

As the specification says ("Prometheus and OpenMetrics Compatibility"), in the form that
Prometheus's own OTLP endpoint has by default: what classic names do not allow becomes ``_``, the
unit becomes a suffix in Prometheus's spelling, monotonic sums get ``_total``, gauges whose unit is
``1`` get ``_ratio``.
"""

from __future__ import annotations

import re

_WORDS = re.compile(r"[a-zA-Z0-9:]+")
_UNIT_WORDS = re.compile(r"[a-zA-Z0-9]+")
_NOT_IN_LABELS = re.compile(r"[^a-zA-Z0-9_]", re.ASCII)
_MANY = re.compile(r"__+")

_UNITS = {
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    "TiBy": "tibibytes",
    "KBy": "kilobytes",
    "MBy": "megabytes",
    "GBy": "gigabytes",
    "TBy": "terabytes",
    "m": "meters",
    "V": "volts",
    "A": "amperes",
    "J": "joules",
    "W": "watts",
    "g": "grams",
    "Cel": "celsius",
    "Hz": "hertz",
    "1": "",
    "%": "percent",
}
_PER_UNITS = {
    "s": "second",
    "m": "minute",
    "h": "hour",
    "d": "day",
    "w": "week",
    "mo": "month",
    "y": "year",
}


def metric_name(name: str, unit: str, kind: str) -> str:
    """The metric's name in Prometheus.

    Args:
        name: In OpenTelemetry.
        unit: In UCUM's spelling; what stands in braces counts for nothing.
        kind: Prometheus's type: ``counter`` and ``gauge`` get suffixes of their own.

    Raises:
        ValueError: nothing is left of the name.
    """
    words = _WORDS.findall(name)
    for suffix in _unit_words(unit):
        if suffix not in words:
            words.append(suffix)
    if kind == "counter":
        words = [word for word in words if word != "total"] + ["total"]
    if kind == "gauge" and unit == "1":
        words = [word for word in words if word != "ratio"] + ["ratio"]
    if not _WORDS.search(name):
        raise ValueError(f"no metric's name can be made of {name!r}")
    whole = "_".join(words)
    return f"_{whole}" if whole[0].isdigit() else whole


def label_name(attribute: str) -> str:
    """The label of an attribute.

    Raises:
        ValueError: nothing is left of the name.
    """
    name = _MANY.sub("_", _NOT_IN_LABELS.sub("_", attribute))
    if not name.strip("_"):
        raise ValueError(f"no label can be made of the attribute {attribute!r}")
    if name[0].isdigit():
        return f"key_{name}"
    return f"key{name}" if name[0] == "_" else name


def _unit_words(unit: str) -> list[str]:
    main, _, per = unit.partition("/")
    words = []
    main, per = main.strip(), per.strip()
    if main and "{" not in main:
        words.append("_".join(_UNIT_WORDS.findall(_UNITS.get(main, main))))
    if per and "{" not in per:
        cleaned = "_".join(_UNIT_WORDS.findall(_PER_UNITS.get(per, per)))
        words.append(f"per_{cleaned}" if cleaned else "")
    return [word for word in words if word]
