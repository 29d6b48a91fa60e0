"""The push gateway as a whole: what is pushed is kept, shown, and sampled into the stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from madang.collect.pushgateway.body import read_families
from madang.collect.pushgateway.families import InconsistentPushError, checked_families
from madang.collect.pushgateway.group import Group
from madang.collect.pushgateway.listing import listing
from madang.collect.pushgateway.page import protobuf_page, text_page
from madang.collect.pushgateway.sampler import GroupSampler
from madang.collect.pushgateway.store import Delete, Push, PushStore
from madang.core.clock import Clock, SystemClock
from madang.core.errors import MadangError
from madang.project.metrics_spec import PushgatewaySpec
from madang.stream import Stream


class PushGateway:
    """Groups of pushed metrics. ``open`` it first; all else may be called from any thread.

    Args:
        folder: Where groups are kept.
        open_stream: Gives the stream of samples; opening again is cheap.
        settings: As the project says now.
        clock: Injected time.
    """

    def __init__(
        self,
        folder: Path,
        open_stream: Callable[[], Stream],
        settings: Callable[[], PushgatewaySpec],
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self._sampler = GroupSampler(
            open_stream,
            interval_s=lambda: settings().interval,
            written=lambda number: self._store.forget(number),  # noqa: PLW0108 -- made below
            clock=self._clock,
        )
        self._store = PushStore(
            folder,
            default_ttl_s=lambda: settings().ttl,
            changed=self._sampler.changed,
            clock=self._clock,
        )

    def open(self) -> None:
        """Read the groups that are on disk; their series go on.

        Raises:
            OSError: they cannot be read.
        """
        self._store.open()

    def close(self) -> None:
        """Finish what was submitted; series do not end."""
        self._store.close()
        self._sampler.close()

    @property
    def broken(self) -> Sequence[Path]:
        """Files of groups that could not be read at the start and were set aside."""
        return self._store.broken

    @property
    def error(self) -> MadangError | None:
        """Why samples are not taken now."""
        return self._sampler.error

    @property
    def full(self) -> bool:
        """Whether no further push is taken now."""
        return self._store.full

    def read(
        self,
        labels: Mapping[str, str],
        chunks: Sequence[bytes],
        *,
        replaces: bool,
        ttl_s: float | None = None,
        content_type: str | None = None,
        content_encoding: str | None = None,
        limit_bytes: int = 64 * 2**20,
    ) -> tuple[Push, InconsistentPushError | None]:
        """Read a body, in any thread; what comes of it is to be submitted.

        Args:
            labels: The grouping key, from ``grouping_labels``.
            chunks: The body as it arrived.
            replaces: Whether it replaces the group (``PUT``), or families of it (``POST``).
            ttl_s: How long the group lives from now on, 0 for ever; None: as before, or as the
                settings say.
            content_type: The header.
            content_encoding: The header.
            limit_bytes: The largest decompressed body.

        Returns:
            The push, and why it is refused although it could be read: then the push only notes in
            its group that there was one.

        Raises:
            InvalidInputError: the body cannot be read.
            TooLargeError: it is larger than ``limit_bytes``.
        """
        utf8_names = self._settings().utf8_names
        given = read_families(
            chunks,
            content_type=content_type,
            content_encoding=content_encoding,
            limit_bytes=limit_bytes,
            utf8_names=utf8_names,
        )
        now_us = self._clock.now_us()
        grouping = {name.encode(): value.encode() for name, value in labels.items()}
        try:
            families = checked_families(given, grouping, now_us, utf8_names=utf8_names)
        except InconsistentPushError as error:
            return Push(labels, None, now_us), error
        return Push(labels, families, now_us, replaces, ttl_s), None

    def push(self, push: Push) -> Future[None]:
        """Keep what was read; the future ends when it is on disk, see ``PushStore.submit``."""
        return self._store.submit(push)

    def delete(self, labels: Mapping[str, str] | None) -> Future[None]:
        """Delete a group, or all of them (None); the future ends when that is on disk."""
        return self._store.submit(Delete(labels, self._clock.now_us()))

    def groups(self) -> list[Group]:
        """All groups as they are now."""
        return self._store.groups()

    def page(self, *, protobuf: bool = False) -> bytes:
        """All groups as a page to scrape."""
        groups = self.groups()
        return protobuf_page(groups) if protobuf else text_page(groups)

    def listing(self) -> list[dict[str, Any]]:
        """All groups, JSON-able."""
        return listing(self.groups(), self._settings().ttl)
