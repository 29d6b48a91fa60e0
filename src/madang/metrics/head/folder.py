"""The head on disk: what a process that starts anew need not read from the stream again.

``manifest.json`` names the files that count and the stream's offsets up to which they hold it;
whatever it does not name is left over from a process that was killed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from madang.core.durable_files import replace_file, sync_folder
from madang.core.errors import CorruptionError
from madang.core.ids import new_id
from madang.lake.lineage import Source
from madang.metrics.head.block import Block
from madang.metrics.head.head import Head
from madang.metrics.head.part_files import read_series, write_series
from madang.metrics.head.series_index import IndexState

_VERSION = 2


class PartFile(msgspec.Struct, frozen=True):
    """A file of samples: by partition, the stream's offsets before which they stood."""

    name: str
    reached: dict[int, int]


class BlockFiles(msgspec.Struct, frozen=True):
    """The files of a block, in the order in which they were written."""

    start_ms: int
    end_ms: int
    samples: list[PartFile]


class Manifest(msgspec.Struct, frozen=True):
    """What ``manifest.json`` says.

    ``stream`` is the identity of the log that ``offsets`` count in: by partition, the next one.
    ``newest`` are the times of the newest samples, by partition, too.
    From ``whole_from_ms`` on the blocks have every sample, before that only the tables do; null
    where they have all that there is.
    ``at_us`` says, by partition, when the record before the next offset was appended (us since
    1970). ``archived`` are the offsets before which everything was in the tables: what is from
    before them may be left out, and several parts of it be one. ``collided`` are numbers that two
    series have.
    """

    version: int
    stream: str
    offsets: dict[int, int]
    newest: dict[int, int]
    whole_from_ms: int | None
    series: list[str]
    blocks: list[BlockFiles]
    at_us: dict[int, int] = {}
    archived: dict[int, int] = {}
    collided: list[int] = []


class HeadFolder:
    """Writes a head piece by piece, and brings it back.

    Args:
        path: The folder; made where it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._manifest: Manifest | None = None
        self._written = IndexState()
        self._forgotten = 0

    def restore(self, head: Head) -> Manifest | None:
        """Fill a new head with what was written.

        Args:
            head: Without samples.

        Returns:
            What was written; None: nothing.

        Raises:
            CorruptionError: a file is damaged; ``forget`` begins anew from the stream.
            OSError: one cannot be read.
        """
        path = self._path / "manifest.json"
        try:
            manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError as error:
            raise CorruptionError(f"{path} is damaged: {error}") from None
        if manifest.version != _VERSION:
            raise CorruptionError(f"{path} is of version {manifest.version}, not {_VERSION}")
        for name in manifest.series:
            head.index.extend(read_series(self._path / name))
        for files in manifest.blocks:
            block = head.blocks[files.start_ms] = Block(files.start_ms, files.end_ms, head.counts)
            for part in files.samples:
                block.read_part(self._path / part.name, part.reached)
        head.newest, head.whole_from_ms = dict(manifest.newest), manifest.whole_from_ms
        head.collided = set(manifest.collided)
        self._manifest, self._written = manifest, head.index.state()
        self._forgotten = head.forgotten
        self._tidy()
        return manifest

    def write(
        self,
        head: Head,
        stream: Source,
        offsets: Mapping[int, int],
        archived: Mapping[int, int] | None = None,
    ) -> None:
        """Write what the head took since the last time; durable when it returns.

        Args:
            head: All that it has of the stream before ``offsets``, and nothing beyond.
            stream: The log at these offsets.
            offsets: By partition, the next one.
            archived: The offsets before which everything is in the tables: of that, small parts
                become larger ones. Where nobody can tell, the manifest keeps the last ones.

        Raises:
            OSError: it could not be written; what was written before still counts.
        """
        self._path.mkdir(parents=True, exist_ok=True)
        former = self._manifest
        series, written = list(former.series) if former else [], self._written
        if head.forgotten != self._forgotten:
            # What is left of the index is not what the files would give.
            series, written = [], IndexState()
        state = head.index.state()
        if state.next_ref > written.next_ref:
            series.append(f"series-{new_id()}.arrow")
            write_series(self._path / series[-1], head.index.since(written))
        blocks = []
        for start_ms, block in sorted(head.blocks.items()):
            if block.in_memory:
                head.write_part(block, self._new_part(), offsets)
            while archived and block.merge_parts(self._new_part(), archived):
                pass
            # Its own list, not the last manifest's: that one may have failed behind a part.
            parts = [PartFile(part.name, dict(part.reached)) for part in block.parts]
            blocks.append(BlockFiles(start_ms, block.end_ms, parts))
        sync_folder(self._path)
        manifest = Manifest(
            _VERSION,
            stream.id,
            dict(offsets),
            dict(head.newest),
            head.whole_from_ms,
            series,
            blocks,
            dict(stream.at_us),
            dict(archived or (former.archived if former else {})),
            sorted(head.collided),
        )
        replace_file(self._path / "manifest.json", msgspec.json.encode(manifest))
        self._manifest, self._written = manifest, state
        self._forgotten = head.forgotten
        self._tidy()

    def _new_part(self) -> Path:
        return self._path / f"samples-{new_id()}.arrow"

    def forget(self) -> None:
        """Remove what was written: the next process reads the stream from its start."""
        (self._path / "manifest.json").unlink(missing_ok=True)
        self._manifest, self._written = None, IndexState()
        self._tidy()

    def _tidy(self) -> None:
        """Remove files that the manifest does not name."""
        kept = {"manifest.json"}
        if self._manifest is not None:
            kept.update(self._manifest.series)
            kept.update(part.name for files in self._manifest.blocks for part in files.samples)
        for path in self._path.glob("*.arrow"):
            if path.name not in kept:
                path.unlink(missing_ok=True)
