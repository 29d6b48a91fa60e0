r"""Lines that begin with ``#``: what they say of families.

In text 0.0.4 they may stand anywhere, and the last word counts. Any other ``#`` is a comment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from madang.collect.exposition.known import FLOAT_LABELS
from madang.collect.exposition.page import Family, MetricType
from madang.collect.exposition.problem import MalformedPageError, shown_at
from madang.collect.exposition.series_text import METRIC, QUOTED, unescape

_TEXT_LINE = re.compile(rb"[ \t]*#[ \t]+(HELP|TYPE)[ \t]+")
_HELP_ESCAPE = re.compile(rb"\\([\\n])")
TEXT_TYPES = {
    b"counter": MetricType.COUNTER,
    b"gauge": MetricType.GAUGE,
    b"histogram": MetricType.HISTOGRAM,
    b"summary": MetricType.SUMMARY,
    b"untyped": MetricType.UNKNOWN,
}


@dataclass(slots=True)
class TextMetadata:
    """The families of a page of text 0.0.4, and the type in force."""

    types: dict[str, MetricType] = field(default_factory=dict)
    helps: dict[str, str] = field(default_factory=dict)
    float_label: bytes | None = None
    """The label whose values are written anew in the lines that follow."""

    def read(self, body: bytes, at: int, end: int) -> None:
        """Take in the line ``body[at:end]``, which begins with ``#``, maybe behind blanks.

        Raises:
            MalformedPageError: a ``# HELP`` or ``# TYPE`` without a name, a type that is none, or
                a help text that is not UTF-8.
        """
        match = _TEXT_LINE.match(body, at, end)
        if match is None:
            return
        name, at = read_family_name(body, match.end(), end)
        text = body[at + 1 : end]
        if match[1] == b"TYPE":
            if (kind := TEXT_TYPES.get(text)) is None:
                expected = ", ".join(key.decode() for key in TEXT_TYPES)
                found = text[:40].decode(errors="backslashreplace")
                at = min(at + 1, end)
                raise MalformedPageError(f"expected a type ({expected}), found {found!r}", at)
            self.types[name] = kind
            self.float_label = FLOAT_LABELS.get(kind)
        else:
            self.helps[name] = decoded(
                _HELP_ESCAPE.sub(lambda m: b"\n" if m[1] == b"n" else m[1], text), at + 1
            )

    def families(self) -> tuple[Family, ...]:
        """All families that were named, in their order."""
        names = dict.fromkeys((*self.types, *self.helps))
        unknown = MetricType.UNKNOWN
        return tuple(
            Family(name, self.types.get(name, unknown), self.helps.get(name, "")) for name in names
        )


def read_family_name(body: bytes, at: int, end: int) -> tuple[str, int]:
    """The name in a metadata line, plain or in quotes, and where it ends.

    Raises:
        MalformedPageError: no name there.
    """
    if (match := METRIC.match(body, at, end)) is not None:
        return match[0].decode(), match.end()
    if (match := QUOTED.match(body, at, end)) is not None and len(match[0]) > 2:
        return decoded(unescape(match[0][1:-1]), at), match.end()
    raise MalformedPageError(f"expected a metric name, found {shown_at(body, at)}", at)


def decoded(text: bytes, at: int) -> str:
    """UTF-8 → str.

    Raises:
        MalformedPageError: at ``at``, it is none.
    """
    try:
        return text.decode()
    except UnicodeDecodeError:
        raise MalformedPageError("the text is not valid UTF-8", at) from None
