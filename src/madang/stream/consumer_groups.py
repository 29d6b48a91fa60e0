"""Consumer groups of a stream: how far each has read, one JSON file per group."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import orjson

from madang.core.clock import Clock
from madang.core.durable_files import replace_file
from madang.core.errors import CorruptionError, InvalidInputError
from madang.stream.partition_lock import FileLock
from madang.stream.space import is_full, storage_full

_log = logging.getLogger(__name__)
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,126}")
_VERSION = 1


def noted_identity(stream: Path) -> str:
    """The identity of the log that a stream's groups read; empty where none says."""
    for path in sorted((stream / "groups").glob("*.json")):
        try:
            found = orjson.loads(path.read_bytes()).get("stream")
        except (OSError, ValueError, AttributeError):
            continue
        if isinstance(found, str) and found:
            return found
    return ""


class ConsumerGroups:
    """The ``groups`` folder of a stream; safe among threads and processes.

    Args:
        stream: The stream's folder.
        clock: Injected time.
        identity: Which log the offsets count in.
    """

    def __init__(self, stream: Path, clock: Clock, identity: Callable[[], str]) -> None:
        self._folder = stream / "groups"
        self._folder.mkdir(exist_ok=True)
        self._lock = FileLock(self._folder / ".lock")
        self._clock = clock
        self._identity = identity

    def _path(self, group: str) -> Path:
        if _NAME.fullmatch(group) is None:
            raise InvalidInputError(
                f"{group!r} cannot name a consumer group",
                hint="use lower-case letters, digits, _ . and -, at most 127",
            )
        return self._folder / f"{group}.json"

    def commit(self, group: str, offsets: Mapping[int, int]) -> None:
        """Remember the next offsets; partitions that are not named keep theirs."""
        path = self._path(group)
        for partition, offset in offsets.items():
            if partition < 0 or offset < 0:
                raise InvalidInputError(f"partition {partition} cannot be at offset {offset}")
        with self._lock.held():
            try:
                merged = dict(self.committed(group))
            except CorruptionError as error:
                _log.warning("%s: it is written anew", error)
                merged = {}
            merged.update(offsets)
            content = {
                "version": _VERSION,
                "stream": self._identity(),
                "offsets": {str(number): merged[number] for number in sorted(merged)},
                "at_us": self._clock.now_us(),
            }
            try:
                replace_file(path, orjson.dumps(content))
            except OSError as error:
                if is_full(error):
                    raise storage_full(error) from error
                raise

    def committed(self, group: str) -> dict[int, int]:
        """The offsets that ``group`` committed; none of those that count in another log.

        Raises:
            CorruptionError: the group's file cannot be read.
        """
        path = self._path(group)
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            return {}
        try:
            found = orjson.loads(raw)
            # Written before logs had identities: it lies in this one's folder, so it is this one's.
            if found.get("stream") not in (None, self._identity()):
                return {}
            return {int(number): int(offset) for number, offset in found["offsets"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CorruptionError(
                f"{path} holds no offsets: {error}", hint="commit the group's offsets anew"
            ) from error

    def names(self) -> list[str]:
        """The groups that committed, in order of name."""
        return sorted(path.stem for path in self._folder.glob("*.json"))

    def close(self) -> None:
        """Release the lock file."""
        self._lock.close()
