"""What a query's answer comes with: warnings, and remarks on what was probably not meant."""

from __future__ import annotations

from madang.metrics.promql.parse import place


class Annotations:
    """Warnings and infos of one query, each text once, with its place in the query."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._warnings: dict[str, None] = {}
        self._infos: dict[str, None] = {}
        self._repeated: dict[str, tuple[int, int]] = {}

    def warn(self, text: str, pos: int) -> None:
        """Add what makes the answer doubtful."""
        self._warnings[f"PromQL warning: {text} {self._place(pos)}"] = None

    def warn_repeated(self, text: str, pos: int, times: int) -> None:
        """Add what makes the answer doubtful, and how often; told once, where it first was."""
        first, so_far = self._repeated.get(text, (pos, 0))
        self._repeated[text] = (first, so_far + times)

    def inform(self, text: str, pos: int) -> None:
        """Add what may be of interest."""
        self._infos[f"PromQL info: {text} {self._place(pos)}"] = None

    def _place(self, pos: int) -> str:
        where = place(self._query, pos)
        return f"({where.line}:{where.column})"

    @property
    def warnings(self) -> list[str]:
        """All warnings, in the order in which they came up; last those with a count."""
        repeated = [
            f"PromQL warning: {text} "
            + (f"({times} occurrences) " if times > 1 else "")
            + self._place(pos)
            for text, (pos, times) in self._repeated.items()
        ]
        return list(self._warnings) + repeated

    @property
    def infos(self) -> list[str]:
        """All infos, in the order in which they came up."""
        return list(self._infos)
