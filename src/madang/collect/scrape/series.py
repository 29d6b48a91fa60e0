"""The series of a target: from a parsed page to the columns that are appended."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from madang.collect.scrape.relabel import Labels, Relabeller
from madang.core.errors import InvalidInputError
from madang.core.samples import METRIC_NAME, canonical_labels, labels_of
from madang.project import ScrapeJobSpec

_SEPARATOR = b"\xff"
_LEGACY_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*", re.ASCII)
_LEGACY_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class LabelLimits:
    """What the labels of a series may be; 0 is no limit."""

    count: int = 0
    name_bytes: int = 0
    value_bytes: int = 0

    def check(self, canonical: bytes) -> None:
        """See whether a series is within the limits.

        Raises:
            InvalidInputError: it is not; the label is named.
        """
        parts = canonical.split(_SEPARATOR)
        if self.count and len(parts) // 2 > self.count:
            raise InvalidInputError(
                f"{_shown(canonical)} has {len(parts) // 2} labels; label_limit is {self.count}"
            )
        for name, value in zip(parts[::2], parts[1::2], strict=True):
            if self.name_bytes and len(name) > self.name_bytes:
                raise InvalidInputError(
                    f"{_shown(canonical)}: the name of the label {_short(name)} has {len(name)} "
                    f"bytes; label_name_length_limit is {self.name_bytes}"
                )
            if self.value_bytes and len(value) > self.value_bytes:
                raise InvalidInputError(
                    f"{_shown(canonical)}: the value of the label {_short(name)} has "
                    f"{len(value)} bytes; label_value_length_limit is {self.value_bytes}"
                )

    def __bool__(self) -> bool:
        """Whether there is any limit."""
        return bool(self.count or self.name_bytes or self.value_bytes)


class SeriesLabels:
    """Gives a page's series the labels of the target, and puts them through the rules.

    Args:
        job: With its defaults.
        target: Labels of the target.
        rules: The job's ``metric_relabel_configs``.
    """

    def __init__(self, job: ScrapeJobSpec, target: Mapping[str, str], rules: Relabeller) -> None:
        self._target = {name: value for name, value in target.items() if value}
        self._pairs = [(name.encode(), value.encode()) for name, value in self._target.items()]
        self._names = frozenset(name for name, _ in self._pairs)
        self._rules = rules
        self._honor = job.honor_labels
        self._legacy = job.metric_name_validation_scheme == "legacy"
        self._limits = LabelLimits(
            job.label_limit or 0,
            job.label_name_length_limit or 0,
            job.label_value_length_limit or 0,
        )

    def final(self, canonical: bytes, blanks: Sequence[bytes] = ()) -> bytes | None:
        """The labels that a series of the page gets, or None where a rule drops it.

        Args:
            canonical: The labels that the page gives it.
            blanks: Names that the page gives it with an empty value: where the page's labels are
                honored, the target's labels of these names are left away.

        Raises:
            InvalidInputError: over a limit, or without a valid name: the page is refused.
        """
        parts = canonical.split(_SEPARATOR)
        names = parts[::2]
        blanks = blanks if self._honor else ()
        if not blanks and not self._rules and not self._legacy and self._names.isdisjoint(names):
            pairs = [*zip(names, parts[1::2], strict=True), *self._pairs]
            pairs.sort()
            result = _SEPARATOR.join([part for pair in pairs for part in pair])
        else:
            labels = self._merged(labels_of(canonical), {one.decode() for one in blanks})
            if not self._rules.apply(labels) or not labels:
                return None
            self._check_names(labels)
            result = canonical_labels(labels)
        if self._limits:
            self._limits.check(result)
        return result

    def report(self, name: str) -> bytes:
        """The labels of a series that the scrape itself reports."""
        return canonical_labels({**self._target, METRIC_NAME: name})

    def _merged(self, labels: Labels, blanks: Collection[str]) -> Labels:
        if self._honor:
            own = {name: one for name, one in self._target.items() if name not in blanks}
            return {**own, **labels}
        for name in sorted((one for one in self._target if one in labels), key=len):
            exported = f"exported_{name}"
            while exported in labels or exported in self._target:
                exported = f"exported_{exported}"
            labels[exported] = labels[name]
        return {**labels, **self._target}

    def _check_names(self, labels: Labels) -> None:
        metric = labels.get(METRIC_NAME)
        if not metric:
            text = "a series has no name after metric_relabel_configs"
            raise InvalidInputError(text, hint=f"{labels}"[:200])
        if self._legacy:
            if not _LEGACY_METRIC.fullmatch(metric):
                raise InvalidInputError(f"{metric!r} is not a metric's name", hint=_LEGACY_HINT)
            for name in labels:
                if not _LEGACY_NAME.fullmatch(name):
                    raise InvalidInputError(f"{name!r} is not a label's name", hint=_LEGACY_HINT)


_LEGACY_HINT = "metric_name_validation_scheme is legacy"


def _short(text: bytes, most: int = 60) -> str:
    shown = text[:most].decode("utf-8", "replace")
    return f"{shown}…" if len(text) > most else shown


def _shown(canonical: bytes) -> str:
    return repr(labels_of(canonical).get(METRIC_NAME, "")[:100])
