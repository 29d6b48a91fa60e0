"""How commands speak: tables, human numbers, JSON, errors. Data to stdout, all else to stderr."""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime

import typer

from madang.core.errors import MadangError
from madang.core.units import format_duration, format_size

Cell = str | int | float | bool | None


def say(text: str = "") -> None:
    """One line to stdout, with control characters shown instead of obeyed."""
    typer.echo(printable(text))


def note(text: str) -> None:
    """One line to stderr: progress, advice."""
    typer.echo(printable(text), err=True)


def show_json(value: object) -> None:
    """``value`` as indented JSON to stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def fail(error: MadangError) -> None:
    """Show an error: what, where, what next."""
    where = f"{error.where}: " if error.where else ""
    red, plain = ("\x1b[31m", "\x1b[0m") if sys.stderr.isatty() else ("", "")
    typer.echo(f"{red}error:{plain} {printable(where + error.message)}", err=True)
    if error.hint:
        typer.echo(f"  {printable(error.hint)}", err=True)


def show_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """A plain table: numbers (and units) right-aligned, text left, wide characters counted as two.

    Columns whose name ends in ``>`` are right-aligned in any case; the sign is not shown.
    """
    right = [
        name.endswith(">") or all(_is_number(row[at]) for row in rows if row[at] is not None)
        for at, name in enumerate(columns)
    ]
    lines = [[name.removesuffix(">") for name in columns]]
    lines += [[printable(_text(cell)) for cell in row] for row in rows]
    widths = [max(width(line[at]) for line in lines) for at in range(len(columns))]
    for number, line in enumerate(lines):
        cells = [
            _padded(cell, widths[at], right=right[at] and bool(rows))
            for at, cell in enumerate(line)
        ]
        text = "  ".join(cells).rstrip()
        bold = number == 0 and sys.stdout.isatty()
        typer.echo(f"\x1b[1m{text}\x1b[0m" if bold else text)


def width(text: str) -> int:
    """Columns that ``text`` takes in a terminal: Korean and other wide characters take two."""
    total = 0
    for character in text:
        if unicodedata.combining(character) or unicodedata.category(character) in ("Cf", "Mn"):
            continue
        total += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return total


def printable(text: str) -> str:
    """``text`` without what a terminal would obey: data must not move the cursor."""
    if text.isprintable():
        return text
    return "".join(
        one
        if one.isprintable() or one == "\n"
        else "\t"
        if one == "\t"
        else one.encode("unicode_escape").decode()
        for one in text
    )


def count(value: float | None) -> str:
    """A whole number with grouped digits."""
    return "–" if value is None else f"{value:,.0f}"


def size(size_bytes: float | None) -> str:
    """Bytes in a human unit."""
    return "–" if size_bytes is None else format_size(int(size_bytes))


def duration(seconds: float | None) -> str:
    """Seconds in human units."""
    return "–" if seconds is None else format_duration(max(0.0, seconds))


def ago(at: str | None, now: datetime | None = None) -> str:
    """How long ago an ISO 8601 time was."""
    if not at:
        return "–"
    try:
        then = datetime.fromisoformat(at)
    except ValueError:
        return at
    elapsed_s = ((now or datetime.now(UTC)) - then.astimezone(UTC)).total_seconds()
    if abs(elapsed_s) < 1:
        return "now"
    text = format_duration(abs(elapsed_s))
    return f"{text} ago" if elapsed_s > 0 else f"in {text}"


def _padded(text: str, columns: int, *, right: bool) -> str:
    space = " " * (columns - width(text))
    return space + text if right else text + space


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, int | float) and not isinstance(cell, bool)


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return cell if isinstance(cell, str) else str(cell)
