"""The splitter of a stream's format."""

from __future__ import annotations

from madang.core.errors import InvalidInputError
from madang.process.engine import Engine
from madang.process.formats.combined import CombinedSplitter
from madang.process.formats.csv import CsvSplitter
from madang.process.formats.logfmt import LogfmtSplitter
from madang.process.formats.plain import PlainSplitter
from madang.process.formats.regex import RegexSplitter
from madang.process.formats.split import Splitter
from madang.process.formats.syslog import SyslogSplitter
from madang.project import RecordFormat, StreamSpec


def make_splitter(engine: Engine, spec: StreamSpec, record_format: RecordFormat) -> Splitter:
    """The splitter for ``record_format`` with the settings of ``spec``.

    Raises:
        InvalidInputError: the settings cannot be used.
    """
    if record_format is RecordFormat.LOGFMT:
        return LogfmtSplitter(engine)
    if record_format is RecordFormat.CSV:
        if len(spec.delimiter) != 1 or spec.delimiter in '"\r\n' or ord(spec.delimiter) > 127:
            raise InvalidInputError(
                f"{spec.delimiter!r} cannot be a delimiter", hint="write one character, such as ;"
            )
        return CsvSplitter(engine, spec.header, spec.delimiter)
    if record_format is RecordFormat.REGEX:
        if spec.pattern is None:
            raise InvalidInputError(
                f"the stream {spec.name!r} has the format regex and no pattern",
                hint="write pattern: with named groups such as (?P<level>[A-Z]+)",
            )
        return RegexSplitter(engine, spec.pattern)
    if record_format is RecordFormat.COMBINED:
        return CombinedSplitter(engine)
    if record_format is RecordFormat.SYSLOG:
        return SyslogSplitter(engine)
    return PlainSplitter()
