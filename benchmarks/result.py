"""What a benchmark hands back, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One figure beside its bound: ``met`` is None where nothing is required."""

    what: str
    figure: str
    must: str = ""
    met: bool | None = None

    def row(self) -> str:
        """The line as a row of a Markdown table."""
        verdict = {True: "yes", False: "**no**", None: ""}[self.met]
        return f"| {self.what} | {self.figure} | {self.must} | {verdict} |"


def at_least(what: str, value: float, bound: float, unit: str, digits: int = 0) -> Line:
    """A line that is met from ``bound`` up."""
    return Line(what, f"{value:,.{digits}f} {unit}", f"≥ {bound:,.0f} {unit}", value >= bound)


def at_most(what: str, value: float, bound: float, unit: str, digits: int = 1) -> Line:
    """A line that is met up to ``bound``."""
    return Line(what, f"{value:,.{digits}f} {unit}", f"≤ {bound:,g} {unit}", value <= bound)


def table(title: str, lines: list[Line], note: str = "") -> str:
    """A section of ``RESULTS.md``."""
    rows = "\n".join(line.row() for line in lines)
    head = f"## {title}\n\n| what | measured | must | met |\n| --- | --- | --- | --- |"
    return f"{head}\n{rows}\n" + (f"\n{note}\n" if note else "")
