"""Line protocol, strictly and one line at a time: every shape, and every reason to refuse one.

The grammar is InfluxData's (their corpus of cases is held against it):

    measurement[,tag=value…] field=value[,field=value…] [timestamp]

A backslash counts as one only before what it can escape. A string may hold line ends. A line
that begins with ``#`` is a comment.
"""

from __future__ import annotations

import re

from madang.collect.line_protocol.point import FieldValue, Point, Unsigned

_PARTS_LIMIT = 10_000
_INT64_MIN, _INT64_MAX, _UINT64_MAX = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1

_BLANK = re.compile(rb"(?:[ ]*+(?:#[^\x00-\x1f\x7f]*+)?(?:\r?\n|\r?\Z))")
_INDENT = re.compile(rb"[ ]*+")
_MEASUREMENT = re.compile(rb"(?:[^\\, \x00-\x1f\x7f]++|\\[ ,]|\\)++")
_KEY = re.compile(rb"(?:[^\\,= \x00-\x1f\x7f]++|\\[,= ]|\\)++")
_TAG_VALUE = re.compile(rb"(?:[^\\,= \r\n]++|\\[,= ]|\\)++")
_STRING = re.compile(rb'"((?:[^\\"]++|\\[\\"]|\\)*+)"')
_PLAIN_VALUE = re.compile(rb"[^, \r\n]++")
_TIME = re.compile(rb"[-0-9]*+")
_LINE_END = re.compile(rb"[ ]*+(?:\r?\n|\r?\Z)")

_MEASUREMENT_ESCAPE = re.compile(rb"\\([ ,])")
_KEY_ESCAPE = re.compile(rb"\\([,= ])")
_STRING_ESCAPE = re.compile(rb'\\([\\"])')

_FLOAT = re.compile(rb"-?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][-+]?[0-9]++)?")
_INTEGER = re.compile(rb"-?[0-9]++")
_NATURAL = re.compile(rb"[0-9]++")
_BOOLEANS = {
    **dict.fromkeys((b"t", b"T", b"true", b"True", b"TRUE"), True),
    **dict.fromkeys((b"f", b"F", b"false", b"False", b"FALSE"), False),
}


class LineError(Exception):
    """A line that is refused; ``end`` is where the next one begins."""

    def __init__(self, reason: str, end: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.end = end


def parse_line(data: bytes, at: int, unit_ns: int = 1) -> tuple[Point | None, int]:
    """Read the line that begins at ``at``; more than one, where a string holds line ends.

    Args:
        data: The whole body.
        at: Where a line begins.
        unit_ns: The nanoseconds of one unit of the timestamp.

    Returns:
        The line (None: blank, or a comment) and where the next one begins.

    Raises:
        LineError: it is refused.
    """
    if blank := _BLANK.match(data, at):
        return None, blank.end()
    reader = _Reader(data, at)
    try:
        return reader.point(unit_ns), reader.at
    except _RefusalError as error:
        end = data.find(b"\n", reader.at)
        raise LineError(error.args[0], end + 1 if end >= 0 else len(data)) from None


class _RefusalError(Exception):
    pass


class _Reader:
    def __init__(self, data: bytes, at: int) -> None:
        self._data = data
        self.at = at

    def point(self, unit_ns: int) -> Point:
        self.at = self._match(_INDENT).end()
        if self._next() == b"#":
            raise _RefusalError("the comment holds a control character")
        measurement = self._token(_MEASUREMENT, _MEASUREMENT_ESCAPE, "a measurement")
        tags = self._tags()
        fields = self._fields()
        time_ns = self._time(unit_ns)
        return Point(measurement, tags, fields, time_ns)

    def _tags(self) -> tuple[tuple[str, str], ...]:
        tags: dict[str, str] = {}
        while self._next() == b",":
            self.at += 1
            key = self._token(_KEY, _KEY_ESCAPE, "a tag's name")
            self._expect(b"=", f"after the tag's name {key!r}")
            value = self._token(_TAG_VALUE, _KEY_ESCAPE, f"a value of the tag {key!r}")
            if key in tags:
                raise _RefusalError(f"the tag {key!r} is given twice")
            tags[key] = value
            self._check(len(tags), "tags")
        self._expect(b" ", "before the fields")
        self.at = self._match(_INDENT).end()
        return tuple(sorted(tags.items()))

    def _fields(self) -> tuple[tuple[str, FieldValue], ...]:
        fields: list[tuple[str, FieldValue]] = []
        while True:
            key = self._token(_KEY, _KEY_ESCAPE, "a field's name")
            self._expect(b"=", f"after the field's name {key!r}")
            fields.append((key, self._value(key)))
            self._check(len(fields), "fields")
            if self._next() != b",":
                break
            self.at += 1
        if (following := self._next()) not in {b"", b" ", b"\r", b"\n"}:
            raise _RefusalError(f"{_named(following)} follows the field {key!r}")
        return tuple(fields)

    def _check(self, count: int, what: str) -> None:
        if count > _PARTS_LIMIT:
            raise _RefusalError(f"the line has more than {_PARTS_LIMIT} {what}")

    def _value(self, key: str) -> FieldValue:
        if self._next() == b'"':
            if not (quoted := _STRING.match(self._data, self.at)):
                # Line ends may stand in a string: it reaches to the end of the body.
                self.at = len(self._data)
                raise _RefusalError(f"the string of the field {key!r} is not closed")
            self.at = quoted.end()
            text = _text(quoted[1], f"the field {key!r}")
            return _STRING_ESCAPE.sub(rb"\1", text).decode()
        if not (plain := _PLAIN_VALUE.match(self._data, self.at)):
            raise _RefusalError(f"the field {key!r} has no value")
        self.at = plain.end()
        return _plain_value(key, plain[0])

    def _time(self, unit_ns: int) -> int | None:
        self.at = self._match(_INDENT).end()
        written = self._match(_TIME)
        self.at = written.end()
        if not (end := _LINE_END.match(self._data, self.at)):
            raise _RefusalError(f"{_named(self._next())} stands in or after the timestamp")
        time_ns = self._time_of(written[0], unit_ns)
        # Not before: after a refusal the rest of the line is passed over.
        self.at = end.end()
        return time_ns

    def _time_of(self, digits: bytes, unit_ns: int) -> int | None:
        if not digits:
            return None
        if not _INTEGER.fullmatch(digits):
            raise _RefusalError(f"the timestamp {digits[:40].decode()} is no integer")
        time_ns = _integer(digits) * unit_ns
        if not _INT64_MIN <= time_ns <= _INT64_MAX:
            raise _RefusalError(f"the timestamp {digits[:40].decode()} is out of range")
        return time_ns

    def _match(self, pattern: re.Pattern[bytes]) -> re.Match[bytes]:
        found = pattern.match(self._data, self.at)
        assert found is not None
        return found

    def _next(self) -> bytes:
        return self._data[self.at : self.at + 1]

    def _expect(self, wanted: bytes, where: str) -> None:
        if (found := self._next()) != wanted:
            raise _RefusalError(f"expected {_named(wanted)} {where}, found {_named(found)}")
        self.at += 1

    def _token(self, pattern: re.Pattern[bytes], escape: re.Pattern[bytes], what: str) -> str:
        found = pattern.match(self._data, self.at)
        if not found:
            raise _RefusalError(f"expected {what}, found {_named(self._next())}")
        self.at = found.end()
        text = _text(found[0], what)
        return (escape.sub(rb"\1", text) if b"\\" in text else text).decode()


def _plain_value(key: str, text: bytes) -> FieldValue:
    kind = text[-1:]
    if kind in {b"i", b"u"} and (text[0] in b"-.0123456789"):
        unsigned = kind == b"u"
        digits = text[:-1]
        if not (_NATURAL if unsigned else _INTEGER).fullmatch(digits):
            raise _RefusalError(f"the field {key!r} is no integer: {_shown(text)}")
        value = _integer(digits)
        low, high = (0, _UINT64_MAX) if unsigned else (_INT64_MIN, _INT64_MAX)
        if not low <= value <= high:
            raise _RefusalError(f"the field {key!r} is out of range: {_shown(text)}")
        return Unsigned(value) if unsigned else value
    if _FLOAT.fullmatch(text):
        number = float(text)
        if number - number != 0:
            raise _RefusalError(f"the field {key!r} is out of range: {_shown(text)}")
        return number
    if (boolean := _BOOLEANS.get(text)) is not None:
        return boolean
    raise _RefusalError(f"the field {key!r} is no number, boolean or string: {_shown(text)}")


def _integer(digits: bytes) -> int:
    # Zeros may lead; more than 20 digits after them are out of range, whatever they are, and int()
    # would take time for a million of them.
    significant = digits.lstrip(b"-0")
    magnitude = int(significant or b"0") if len(significant) <= 20 else 1 << 65
    return -magnitude if digits.startswith(b"-") else magnitude


def _text(token: bytes, what: str) -> bytes:
    if not token.isascii():
        try:
            token.decode()
        except UnicodeDecodeError:
            raise _RefusalError(f"{what} is not UTF-8") from None
    return token


def _shown(text: bytes) -> str:
    return text[:40].decode(errors="backslashreplace")


def _named(sign: bytes) -> str:
    match sign:
        case b"":
            return "the end of the body"
        case b"\n":
            return "the end of the line"
        case b" ":
            return "a space"
    return repr(sign.decode(errors="backslashreplace"))
