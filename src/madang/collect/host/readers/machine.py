"""Where readers look, and how they read the kernel's files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from madang.collect.host.samples import Samples


@dataclass(frozen=True, slots=True)
class Machine:
    """The roots of the kernel's and the system's files."""

    proc: Path = Path("/proc")
    sys: Path = Path("/sys")
    etc: Path = Path("/etc")


Reader = Callable[[Samples, Machine], None]
"""Adds the samples of one kind; what the machine does not have is absent."""


def lines(path: Path, most: int | None = None) -> Iterator[list[str]]:
    """The words of each line that has any; nothing where the file does not exist."""
    text = content(path)
    if text is None:
        return
    for line in text.splitlines()[:most]:
        words = line.split()
        if words:
            yield words


def content(path: Path) -> str | None:
    """The text of a file without space around it; None where it cannot be read.

    Files of /sys exist and fail when the device has nothing to say (EINVAL), or has gone.
    """
    try:
        return path.read_text("utf-8", "replace").strip()
    except OSError:
        return None


def number(path: Path) -> float | None:
    """The number that a file holds, hexadecimal or not; None where there is none."""
    text = content(path)
    if not text:
        return None
    try:
        return float(int(text, 16)) if text.startswith("0x") else float(text)
    except ValueError:
        return None


def folders(path: Path) -> list[Path]:
    """What is in a folder, sorted; nothing where it does not exist."""
    try:
        return sorted(path.iterdir())
    except OSError:
        return []
