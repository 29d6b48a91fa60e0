"""Windows over several text columns, run over numbers instead.

A window holds every column of its PARTITION BY for every row until the last row is read; of texts
that is most of what it holds, and what it spills once memory is short. So

    SELECT …, lag(at) OVER (PARTITION BY "user", method, path, body ORDER BY at) FROM logs

runs as the same window over ``PARTITION BY "__madang_key_0", "__madang_key_1"``, 12 bytes a row,
which a SELECT around ``logs`` computes from the texts.

Two rows have one key where their texts are equal, byte for byte, and NULL where NULL: that is when
PARTITION BY takes them together. The lengths are part of the key, so no two lists of texts are
written alike. That different ones share 96 bits of MD5 has a chance of 6 * 10^-12 at 10^9 rows
and of 6 * 10^-6 at 10^12, and a salt that each query draws keeps anybody from preparing such texts.
DuckDB's ``hash`` would not do: it mixes words of 8 bytes so weakly that 8,100 short texts had 256
values; nor several of it over the texts shifted, as texts can be made that meet in all shifts.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from madang.query.rewrite import Rewritten, Splice
from madang.query.syntax import Parser
from madang.query.types import literal, quoted
from madang.query.window_syntax import FEWEST, Windows, windows_of

_RESERVED = "__madang_"
_NUMBER = f"{_RESERVED}number"
_KEY = f"{_RESERVED}key_0", f"{_RESERVED}key_1"
_PARTS = "({0} >> 64)::UBIGINT", "({0} & 4294967295)::UINTEGER"
"""96 of the 128 bits. DuckDB sorts by up to 24 bytes of fixed width fast: these are 14 with their
marks of NULL, which leaves 9 for a time; the whole number would be 17 and leave too little."""
_MOST_SELECTS = 16
"""Each asks DuckDB to bind the whole statement, once or a few times."""
_PACKED = 4
_SALT_BYTES = 9
"""72 random bits, 12 letters: texts of one MD5 can be made for a salt that somebody guesses, also
of letters and digits only, and a file may hold them for a million guesses."""


def with_short_keys(
    text: Rewritten, parser: Parser, binds: Callable[[Rewritten], bool]
) -> Rewritten:
    """``text`` with a short key in place of the text columns of its windows, where it has such.

    Args:
        text: The statement that is to run.
        parser: Reads it.
        binds: Whether DuckDB takes a statement; tells text columns from others.
    """
    words = text.text.lower()
    if b"partition" not in words or _RESERVED.encode() in words:
        return text
    for windows in islice(windows_of(parser.parse(text), text), _MOST_SELECTS):
        if columns := _text_columns(windows, text, binds):
            text = text.spliced(_keyed(windows, columns))
    return text


def _keyed(windows: Windows, columns: Sequence[str], *, probe: bool = False) -> Iterator[Splice]:
    """What puts a key in the place of ``columns``."""
    begin, end = windows.source
    parts = ", ".join(
        f"{part.format(quoted(_NUMBER))} AS {quoted(name)}"
        for name, part in zip(_KEY, _PARTS, strict=True)
    )
    number = f"{_number_of(columns, probe=probe)} AS {quoted(_NUMBER)}"
    before = f"(SELECT *, {parts} FROM (SELECT *, {number} FROM "
    yield Splice(begin, begin, before.encode())
    yield Splice(end, end, windows.behind.encode())
    kept = [column for column in windows.columns if column not in columns]
    listed = ", ".join([*kept, *map(quoted, _KEY)]).encode()
    for first, last in windows.lists:
        yield Splice(first, last, listed)


def _text_columns(
    windows: Windows, text: Rewritten, binds: Callable[[Rewritten], bool]
) -> Sequence[str]:
    """Those of the columns that hold text, if they are enough to gain from it."""

    def are_texts(*columns: str) -> bool:
        return binds(text.spliced(_keyed(windows, columns, probe=True)))

    if are_texts(*windows.columns):
        return windows.columns
    texts = [column for column in windows.columns if are_texts(column)]
    enough = len(windows.hidden.intersection(texts)) >= FEWEST
    return texts if enough and are_texts(*texts) else ()


def _number_of(columns: Sequence[str], *, probe: bool) -> str:
    """128 bits for text columns, as SQL; as a probe it binds for no other type than text."""
    # What is no text would often become one in silence; a collation is for text only, and texts
    # that PARTITION BY compares by another one do not go together with this.
    suffix = " COLLATE C" if probe else ""
    lengths = [f"coalesce(strlen({column}{suffix}) + 1, 0)" for column in columns]
    spelled = "".join(f"{length}, ',', " for length in lengths[_PACKED:])
    salt = literal(secrets.token_urlsafe(_SALT_BYTES)) + suffix
    text = f"md5_number(concat({salt}, {spelled}{', '.join(columns)}))"
    return f"xor({text}, {_packed(lengths[:_PACKED])})"


def _packed(lengths: Sequence[str]) -> str:
    """Up to four lengths, of 31 bits each, as one number: cheaper than to spell them.

    The key has all bits of the first, the second and the fourth, and the lowest of the third: where
    the texts one after the other and the other lengths are equal, it is only NULL or empty.
    """
    first, second, third, fourth = [*lengths, *["0"] * (_PACKED - len(lengths))]
    high, low = f"{first} * {2**31} + {second}", f"{third} * {2**31} + {fourth}"
    return f"({high})::UHUGEINT * {2**64} + ({low})::UHUGEINT"
