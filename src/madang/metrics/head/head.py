"""The newest hours of samples: taken from a stream, asked by PromQL."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from madang.core.distinct import distinct
from madang.core.samples import is_stale
from madang.metrics.head.block import Block, Part, all_refs, is_before
from madang.metrics.head.cardinality import Cardinality, count_labels
from madang.metrics.head.chunk import Chunk
from madang.metrics.head.intake import SampleColumns
from madang.metrics.head.label_columns import Matcher, Refs, are_labels
from madang.metrics.head.runs import LeftOut
from madang.metrics.head.series_index import SeriesIndex
from madang.metrics.head.series_limits import SeriesGate, SeriesLimits
from madang.metrics.head.series_view import SeriesView
from madang.metrics.head.view import BlockView, HeadView, Selected

BLOCK_MS = 2 * 3_600_000
KEEP_MS = 3 * 3_600_000
_KEPT_IN_PAGES = 2_000_000
_MOST_UNKNOWN = 1_000_000


@dataclass(slots=True)
class Counts(LeftOut):
    """Samples that the head took, and those that it did not, by reason.

    ``unknown``: nobody said which labels their series has. ``collided``: two series have that
    number, so that nobody knows whose they are. ``late`` and ``early``: beyond what is taken.
    ``broken_labels``: announcements that no collector makes. ``over_limit``: of series beyond the
    limits. ``repeated`` and ``duplicate`` were
    taken, and then found to be of a time that their series has already, with that value or another.
    """

    taken: int = 0
    unknown: int = 0
    collided: int = 0
    late: int = 0
    early: int = 0
    broken_labels: int = 0
    over_limit: int = 0


class KnownSeries(Protocol):
    """Where series are looked up that the head has forgotten."""

    def labels_of(self, ids: npt.NDArray[np.int64]) -> Mapping[int, bytes]:
        """The labels of those of the series that are known, as ``canonical_labels`` writes them.

        Args:
            ids: Ascending, all different.
        """
        ...


class StoredSamples(Protocol):
    """Where samples are looked up whose block has gone."""

    def samples_of(self, series: SeriesView, chunk: Chunk) -> Iterable[Chunk]:
        """What is stored of a chunk's series within its times; chunks that are not empty.

        Args:
            series: All series of the chunk, and more.
            chunk: Not empty.

        Raises:
            OSError: it cannot be read.
        """
        ...


class Head:
    """Samples of the newest hours, in blocks whose begins are multiples of their span.

    One thread changes it; others may ask meanwhile, each of a view: neither waits for the other
    longer than a batch's new series take.

    Args:
        block_ms: The span of a block; a day is a multiple of it.
        late_ms: How much older than the newest one a sample may be.
        ahead_ms: How far beyond the time of its arrival a sample may be.
        keep_ms: How much older than the newest sample a block has to be, before it may go.
        limits: How many series it takes; ``gate.limits`` may be replaced later.
    """

    def __init__(
        self,
        *,
        block_ms: int = BLOCK_MS,
        late_ms: int = BLOCK_MS // 2,
        ahead_ms: int = 600_000,
        keep_ms: int = KEEP_MS,
        limits: SeriesLimits | None = None,
    ) -> None:
        self.index = SeriesIndex()
        self.gate = SeriesGate(limits)
        self.blocks: dict[int, Block] = {}
        self.counts = Counts()
        self.newest: dict[int, int] = {}
        """By partition of the stream, the time of its newest sample."""
        self.whole_from_ms: int | None = None
        """From here on no sample is missing; None: none at all. Others are in the tables."""
        self.forgotten = 0
        """How often series were forgotten."""
        self.known_series: KnownSeries | None = None
        self.stored: StoredSamples | None = None
        self.ahead_ms = ahead_ms
        self._changing = threading.Lock()
        """Held while series or blocks change, which is short, and while a view is taken."""
        self._block_ms = block_ms
        self.late_ms = late_ms
        # What may still come late stays as well, to be compared with it.
        self.keep_ms = keep_ms
        self._settled = 0
        self._unknown: set[int] = set()
        self.collided: set[int] = set()
        """Numbers that two series have; nothing more is taken under them."""
        # A target's page has the same series every time: the refs of the last ones are kept.
        self._pages: dict[tuple[int, int, int], tuple[npt.NDArray[np.int64], Refs]] = {}
        self._kept_in_pages = 0
        self._arrived_ms: int | None = None

    @property
    def in_memory(self) -> int:
        """How many samples are in no file yet."""
        return sum(block.in_memory for block in self.blocks.values())

    def clear(self) -> None:
        """Forget all samples and series; what was refused stays counted."""
        with self._changing:
            self.index, self.blocks, self.newest = SeriesIndex(), {}, {}
            self.whole_from_ms, self._settled = None, 0
        self.collided.clear()
        self._forget_pages()
        self._unknown.clear()
        self.gate.clear()

    @property
    def newest_ms(self) -> int | None:
        """The time of the newest sample."""
        return max(self.newest.values(), default=None)

    def take(
        self,
        samples: SampleColumns,
        arrived_ms: int,
        partition: int = 0,
        *,
        late_too: bool = False,
    ) -> None:
        """Add samples, in the order of the stream.

        What is late is told beside the samples of the same partition: so it is the same samples
        whenever they are read again, however the partitions follow one another then.

        Args:
            samples: Of any time.
            arrived_ms: When they were appended to the stream.
            partition: Of the stream.
            late_too: They were taken before, so that none is late.
        """
        if not len(samples.ids):
            return
        self._arrived_ms = arrived_ms
        refs = self._resolve(samples)
        kept = self._check(samples, refs, arrived_ms, None if late_too else partition)
        ts_ms, values = samples.ts_ms, samples.values
        if not np.all(kept):
            refs, ts_ms, values = refs[kept], ts_ms[kept], values[kept]
        if not len(refs):
            return
        self.counts.taken += len(refs)
        newest_ms = int(ts_ms.max())
        self.newest[partition] = max(newest_ms, self.newest.get(partition, newest_ms))
        starts = ts_ms // self._block_ms * self._block_ms
        for start_ms in distinct(starts).tolist():
            within = starts == start_ms
            if np.all(within):
                self._block(start_ms).add(refs, ts_ms, values)
            else:
                self._block(start_ms).add(refs[within], ts_ms[within], values[within])

    def view(self) -> HeadView:
        """What it holds now, for any thread; cheap, and it stays as it is."""
        with self._changing:
            blocks = [
                BlockView(block.start_ms, block.end_ms, block.view())
                for _, block in sorted(self.blocks.items())
            ]
            return HeadView(self.index.view(), blocks, self.whole_from_ms)

    def parts(self) -> Mapping[int, list[Part]]:
        """Its parts by the start of their block, for any thread."""
        with self._changing:
            return {start_ms: [*block.parts] for start_ms, block in sorted(self.blocks.items())}

    def write_part(self, block: Block, path: Path, reached: Mapping[int, int]) -> None:
        """Write what a block has in memory, without what its parts or the tables have already.

        A block that had gone and comes again, because a partition was quiet for long, has only the
        samples that came since: of what is before ``whole_from_ms`` the tables are asked, too.

        Raises:
            OSError: it could not be written, or the tables not read; nothing of it is lost.
        """
        stored, whole_from_ms = self.stored, self.whole_from_ms
        if stored is None or whole_from_ms is None or block.start_ms >= whole_from_ms:
            block.write_part(path, reached)
            return
        series = self.index.view()
        block.write_part(path, reached, lambda chunk: stored.samples_of(series, chunk))

    def drop_archived(self, reached: Mapping[int, int]) -> bool:
        """Forget old blocks that are in the tables, and series that no block has any more.

        Args:
            reached: By partition, the stream's offsets before which all samples are in the tables.

        Returns:
            Whether anything went.
        """
        self._unknown.clear()
        newest_ms = self.newest_ms
        if newest_ms is None or self._arrived_ms is None:
            return False
        # Samples of a clock that was ahead do not push out those of now.
        newest_ms = min(newest_ms, self._arrived_ms + self.ahead_ms)
        kept_ms = newest_ms - max(self.keep_ms, self.late_ms)
        gone = [
            block
            for block in self.blocks.values()
            if block.end_ms <= kept_ms and not block.in_memory and is_archived(block, reached)
        ]
        if not gone:
            return False
        end_ms = max(block.end_ms for block in gone)
        with self._changing:
            for block in gone:
                del self.blocks[block.start_ms]
            self.whole_from_ms = max(end_ms, self.whole_from_ms or end_ms)
        self._forget_series()
        return True

    def _forget_series(self) -> None:
        # One that was announced since the last time may still get its first sample.
        settled, self._settled = self._settled, self.index.next_ref
        live = distinct(all_refs(list(self.blocks.values())), self.index.refs_from(settled))
        if len(live) < len(self.index):
            with self._changing:
                self.index.retain(live)
            self.forgotten += 1
            self._forget_pages()

    def select(
        self, matchers: Iterable[Matcher], start_ms: int, end_ms: int, *, limit: int = 0
    ) -> Selected:
        """See ``HeadView.select``."""
        return self.view().select(matchers, start_ms, end_ms, limit=limit)

    def label_names(self, matchers: Iterable[Matcher]) -> list[str]:
        """See ``HeadView.label_names``."""
        return self.view().label_names(matchers)

    def label_values(self, name: str, matchers: Iterable[Matcher]) -> list[str]:
        """See ``HeadView.label_values``."""
        return self.view().label_values(name, matchers)

    def cardinality(self, limit: int) -> Cardinality:
        """What the series are; at most ``limit`` entries in each list."""
        view = self.view()
        counted = count_labels(view.series.columns, limit)
        return Cardinality(
            series=len(view.series.refs),
            label_pairs=counted.label_pairs,
            chunks=sum(block.chunks for block in view.blocks),
            oldest_ms=min((block.start_ms for block in view.blocks), default=None),
            newest_ms=self.newest_ms,
            by_metric=counted.by_metric,
            values_by_label=counted.values_by_label,
            bytes_by_label=counted.bytes_by_label,
            by_pair=counted.by_pair,
            refused=self.gate.refused,
        )

    def _resolve(self, samples: SampleColumns) -> Refs:
        if len(samples.announced):
            self._announce(samples)
        ids = samples.ids
        key = (len(ids), int(ids[0]), int(ids[-1]))
        known = self._pages.get(key)
        if known is not None and np.array_equal(known[0], ids):
            return known[1]
        refs = self.index.refs_of(ids)
        if self.known_series is not None and np.any(refs < 0):
            refs = self._look_up(ids, refs)
        if not np.any(refs < 0) and not self.collided:
            self._keep_page(key, ids, refs)
        return refs

    def _keep_page(self, key: tuple[int, int, int], ids: npt.NDArray[np.int64], refs: Refs) -> None:
        """Keep the refs of a page for the next time, within a bound over all pages.

        Of requests that bring other series each time none is ever the same again.
        """
        before = self._pages.pop(key, None)
        if before is not None:
            self._kept_in_pages -= len(before[0])
        if self._kept_in_pages + len(ids) > max(_KEPT_IN_PAGES, 2 * len(self.index)):
            self._forget_pages()
        self._pages[key] = ids.copy(), refs
        self._kept_in_pages += len(ids)

    def _forget_pages(self) -> None:
        self._pages.clear()
        self._kept_in_pages = 0

    def _look_up(self, ids: npt.NDArray[np.int64], refs: Refs) -> Refs:
        """The refs, after those that are not known were looked for where all series are."""
        assert self.known_series is not None
        unknown = ids[refs < 0]
        missing = set(unknown[~self.gate.are_refused(unknown)].tolist()) - self._unknown
        if not missing:
            return refs
        found = self.known_series.labels_of(np.array(sorted(missing), np.int64))
        if len(self._unknown) > _MOST_UNKNOWN:
            self._unknown.clear()
        self._unknown |= missing - found.keys()
        if not found:
            return refs
        numbers = np.fromiter(found, np.int64, len(found))
        numbers, labels = self._admitted(numbers, list(found.values()))
        with self._changing:
            self.index.add(numbers, labels)
        return self.index.refs_of(ids)

    def _announce(self, samples: SampleColumns) -> None:
        """Learn the labels that stand beside samples; those that are none are counted."""
        ids, labels = self._admitted(samples.ids[samples.announced], samples.labels)
        try:
            with self._changing:
                added = self.index.add(ids, labels)
        except ValueError:
            good = np.fromiter(map(are_labels, labels), np.bool_, len(labels))
            self.counts.broken_labels += len(labels) - int(np.count_nonzero(good))
            ids = ids[good]
            kept = [text for text, keep in zip(labels, good.tolist(), strict=True) if keep]
            with self._changing:
                added = self.index.add(ids, kept)
        self.collided.update(ids[added.refs < 0].tolist())

    def _admitted(
        self, ids: npt.NDArray[np.int64], labels: list[bytes]
    ) -> tuple[npt.NDArray[np.int64], list[bytes]]:
        """Those of announced series that the limits allow."""
        admitted = self.gate.admit(self.index, ids, labels)
        if admitted is None:
            return ids, labels
        kept = [text for text, keep in zip(labels, admitted.tolist(), strict=True) if keep]
        return ids[admitted], kept

    def _check(
        self, samples: SampleColumns, refs: Refs, arrived_ms: int, partition: int | None
    ) -> npt.NDArray[np.bool_]:
        """Which samples are taken; the others are counted, each by one reason.

        Without a partition none is late.
        """
        kept = np.ones(len(refs), np.bool_)

        def refuse(bad: npt.NDArray[np.bool_]) -> int:
            count = int(np.count_nonzero(kept & bad))
            if count:
                kept[bad] = False
            return count

        if self.collided:
            self._forget_pages()
            self.counts.collided += refuse(np.isin(samples.ids, list(self.collided)))
        missing = refs < 0
        if np.any(missing):
            over = missing.copy()
            over[missing] = self.gate.are_refused(samples.ids[missing])
            self.counts.over_limit += refuse(over)
            # Who ends a series after a crash cannot know whether it was ever brought.
            refuse(missing & is_stale(samples.values))
            self.counts.unknown += refuse(missing)
        self.counts.early += refuse(samples.ts_ms > arrived_ms + self.ahead_ms)
        oldest_ms = 0  # what is before 1970 is a mistake
        if partition is not None and partition in self.newest:
            # What a clock brought that was ahead for a while makes nothing late once it is right.
            newest_ms = min(self.newest[partition], arrived_ms + self.ahead_ms)
            oldest_ms = max(0, newest_ms - self.late_ms)
        self.counts.late += refuse(samples.ts_ms < oldest_ms)
        return kept

    def _block(self, start_ms: int) -> Block:
        block = self.blocks.get(start_ms)
        if block is None:
            block = Block(start_ms, start_ms + self._block_ms, self.counts)
            with self._changing:
                self.blocks[start_ms] = block
        return block


def is_archived(block: Block, reached: Mapping[int, int]) -> bool:
    """Whether all parts of a block hold only what stood in the stream before ``reached``."""
    return all(is_before(part.reached, reached) for part in block.parts)
