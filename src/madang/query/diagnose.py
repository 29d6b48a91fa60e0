"""DuckDB's errors as people should read them, at the place in the SQL that they wrote."""

from __future__ import annotations

import re
import unicodedata

import duckdb

from madang.core.errors import (
    DeniedError,
    InvalidInputError,
    MadangError,
    Place,
    TooLargeError,
    UnavailableError,
)
from madang.query.lexer import tokenize
from madang.query.rewrite import Rewritten, place

_MARK = re.compile(r"\n\nLINE (\d+): (.*)\n( *)\^+\s*$", re.DOTALL)
_CANDIDATES = re.compile(r"\n(?:Candidate bindings|Did you mean|Candidate functions):? ?(.*)", re.S)
_KIND = re.compile(r"^[A-Z][A-Za-z ]* Error: ")
_IN_JSON = re.compile(r' in file "(.+?)",(?: at byte \d+)? in (line|record/value) (\d+)')
_IN_WHOLE_FILE = (
    re.compile(r"^IO Error: (?P<what>.*GZIP stream): (?P<file>/[^\n]+)"),
    re.compile(r"Error: File '(?P<file>/[^\n]+?)' (?P<what>too small to be a Parquet file)"),
    re.compile(r"Error: (?P<what>No magic bytes found at end of file) '(?P<file>/[^\n]+?)'"),
)
_MALFORMED = "Malformed JSON"
_IN_CSV = re.compile(r"CSV Error on Line: (\d+)\n(.*)\n\s*file = ([^\n]+)", re.DOTALL)
_ADVICE = re.compile(
    r"\s*\n(?:Try setting '|This type was|Column .+ is being converted).*", re.DOTALL
)
_CALL = re.compile(r"'(\w+)\(")
_MESSAGE_CHARACTERS = 1000
_QUOTED = re.compile(r'"([^"\n]+)"')


def diagnosed(error: Exception, ran: Rewritten) -> MadangError:
    """The error for what DuckDB said about the text that ran.

    Args:
        error: DuckDB's (or Arrow's, which carries DuckDB's text).
        ran: The text that ran, with the way back to the user's.
    """
    text = str(error)
    if isinstance(error, duckdb.OutOfMemoryException) or "Out of Memory Error" in text:
        return _out_of_memory(text)
    if "INTERNAL Error" in text or isinstance(
        error, duckdb.InternalException | duckdb.FatalException
    ):
        return UnavailableError(
            f"the query engine failed: {_first_line(text)}", hint="this is a defect; please report"
        )
    if isinstance(error, duckdb.IOException) and "No such file" in text:
        return UnavailableError(
            "a file of a table was removed while the query read it", hint="run the query again"
        )
    if (in_file := _in_file(text)) is not None:
        return in_file
    where = _where(text, ran)
    message, hint = _message(text)
    if isinstance(error, duckdb.PermissionException):
        return DeniedError(message, where=where)
    return InvalidInputError(message, hint=hint, where=where)


def _out_of_memory(text: str) -> MadangError:
    if "max_temp_directory_size" in text or "temp_directory" in text:
        message = "the query needs more memory and more disk to spill to than it may use"
    else:
        message = "the query needs more memory than it may use"
    return TooLargeError(
        message,
        hint="read fewer rows or columns, or raise query.memory and query.spill in madang.yml",
    )


def _first_line(text: str) -> str:
    return _KIND.sub("", text.split("\n", 1)[0].strip())


def _message(text: str) -> tuple[str, str | None]:
    body = _MARK.sub("", text)
    hint = None
    if found := _CANDIDATES.search(body):
        body = body[: found.start()]
        near = found[1].strip().split("\n")[0].strip().rstrip("?")
        if near and "(" not in near:
            hint = f"did you mean {near}?"
    lines = [line.strip() for line in body.strip().split("\n") if line.strip()]
    message = _KIND.sub("", " ".join(lines)) or "the query failed"
    if len(message) > _MESSAGE_CHARACTERS:
        message = f"{message[:_MESSAGE_CHARACTERS]} …"
    return message, hint


def _in_file(text: str) -> MadangError | None:
    """The error in a line of a file that the query read."""
    body = _MARK.sub("", text)
    if found := _IN_JSON.search(body):
        # DuckDB has counted the line that does not parse already, one that does not fit not yet.
        number = int(found[3]) - (_MALFORMED in body[: found.start()])
        is_line = found[2] == "line"
        named = "" if is_line else f" in record {number}"
        message, _ = _message(_ADVICE.sub("", body[: found.start()] + named + body[found.end() :]))
        return InvalidInputError(message, where=Place(found[1], number if is_line else 0))
    if found := next(filter(None, (one.search(body) for one in _IN_WHOLE_FILE)), None):
        return InvalidInputError(found["what"], where=Place(found["file"]))
    if found := _IN_CSV.search(body):
        message, _ = _message(_ADVICE.sub("", found[2]))
        return InvalidInputError(message, where=Place(found[3].strip(), int(found[1])))
    return None


def _where(text: str, ran: Rewritten) -> Place:
    """The place in the user's text of DuckDB's ``LINE n: …^``."""
    position = _marked_position(text, ran.text)
    if position is not None:
        return place(ran.original, ran.back(position))
    return _of_identifier(text, ran)


def _marked_position(text: str, sql: bytes) -> int | None:
    found = _MARK.search(text)
    if not found:
        return None
    number, excerpt, indent = int(found[1]), found[2], found[3]
    lines = sql.decode("utf-8", "replace").split("\n")
    if number > len(lines):
        return None
    line = lines[number - 1]
    column = len(indent) - len(f"LINE {number}: ")
    # A long line is shown in part: "...part..."; the caret stands within the part.
    shown = excerpt.removeprefix("...").removesuffix("...")
    start = line.find(shown)
    if start < 0:
        return None
    width = column - (3 if excerpt.startswith("...") else 0)
    if width < 0:
        return None
    column = start + _characters(line[start:], width)
    before = "\n".join(lines[: number - 1]) + ("\n" if number > 1 else "") + line[:column]
    return len(before.encode())


def _characters(text: str, width: int) -> int:
    """How many characters of ``text`` fill ``width`` columns of a terminal, as DuckDB counts."""
    for count, character in enumerate(text):
        if width <= 0:
            return count
        if not unicodedata.combining(character):
            width -= 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return len(text)


def _of_identifier(text: str, ran: Rewritten) -> Place:
    """The place of the first name in the message that the user wrote."""
    for name in [*_QUOTED.findall(text), *_CALL.findall(text)]:
        for token in tokenize(ran.original):
            if token.is_name and token.name.lower() == name.lower():
                return place(ran.original, token.start)
    return place(ran.original, None)
