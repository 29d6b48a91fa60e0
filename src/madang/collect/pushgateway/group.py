"""A group: what was pushed under one grouping key, and what pushes make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from madang.collect.pushgateway.families import (
    FAILED_AT,
    PUSHED_AT,
    Grouping,
    StoredFamily,
    time_family,
)
from madang.collect.pushgateway.grouping import group_key
from madang.collect.pushgateway.series import Series, joined

_US = 1_000_000


@dataclass(frozen=True)
class Group:
    """What was pushed under one grouping key; it is replaced, not changed.

    ``alive_at_us`` is when it was pushed to last with success, or else when it began; ``ttl_s`` is
    what pushes said about how long it lives from then on: None nothing, 0 for ever.
    """

    labels: Mapping[str, str]
    families: Mapping[bytes, StoredFamily]
    alive_at_us: int
    ttl_s: float | None = None

    @cached_property
    def key(self) -> bytes:
        """The grouping key: equal for equal labels."""
        return group_key(self.labels)

    @cached_property
    def grouping(self) -> Grouping:
        """The labels as they are in messages."""
        return {name.encode(): value.encode() for name, value in self.labels.items()}

    @cached_property
    def series(self) -> Series:
        """All series."""
        return joined([family.series for family in self.families.values()])

    @property
    def last_push_succeeded(self) -> bool:
        """Whether no push has failed since the last one that succeeded."""
        failed, pushed = (self.families.get(name) for name in (FAILED_AT, PUSHED_AT))
        if failed is None or pushed is None:
            return True
        return bool(failed.series.values[0] <= pushed.series.values[0])

    def life_s(self, default_ttl_s: float | None) -> float | None:
        """How long it lives from ``alive_at_us`` on; None for ever."""
        ttl_s = default_ttl_s if self.ttl_s is None else self.ttl_s
        return ttl_s or None

    def expires_at_us(self, default_ttl_s: float | None) -> int | None:
        """When it ends; None for never."""
        life_s = self.life_s(default_ttl_s)
        return None if life_s is None else self.alive_at_us + round(life_s * _US)

    def pushed(
        self,
        families: Mapping[bytes, StoredFamily],
        now_us: int,
        *,
        replaces: bool,
        ttl_s: float | None,
    ) -> Group:
        """The group behind a push.

        Args:
            families: What was pushed, checked.
            now_us: The push's time.
            replaces: Whether nothing else stays (``PUT``), or only what has other names (``POST``).
            ttl_s: What the push says about the group's life.
        """
        kept = dict(self.families)
        if replaces:
            own = (PUSHED_AT, FAILED_AT)
            kept = {name: family for name, family in kept.items() if name in own}
        kept |= families
        kept[PUSHED_AT] = time_family(PUSHED_AT, self.grouping, now_us, now_us / _US)
        if FAILED_AT not in kept:
            kept[FAILED_AT] = time_family(FAILED_AT, self.grouping, now_us, 0.0)
        life_s = ttl_s if ttl_s is not None or replaces else self.ttl_s
        return replace(self, families=kept, alive_at_us=now_us, ttl_s=life_s)

    def failed(self, now_us: int) -> Group:
        """The group behind a push that was refused."""
        kept = dict(self.families)
        kept[FAILED_AT] = time_family(FAILED_AT, self.grouping, now_us, now_us / _US)
        if PUSHED_AT not in kept:
            kept[PUSHED_AT] = time_family(PUSHED_AT, self.grouping, now_us, 0.0)
        return replace(self, families=kept)
