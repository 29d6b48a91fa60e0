"""Groups on disk: a file each, replaced atomically; see docs/formats/pushgateway.md.

A group that was deleted leaves a tombstone until the end of its series is in the stream, and the
file of a group names series that it has no more: so a crash in between leaves no series alive.
"""

from __future__ import annotations

import logging
import os
import struct
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import google_crc32c
import msgspec
import numpy as np
import numpy.typing as npt

from madang.collect.pushgateway.families import restored_family
from madang.collect.pushgateway.group import Group
from madang.collect.pushgateway.grouping import group_key
from madang.collect.pushgateway.messages import family_class
from madang.core.durable_files import sync_folder

_log = logging.getLogger(__name__)
_MAGIC = b"MDPG\x01\n"
_HEAD = struct.Struct("<II")  # CRC-32C of what follows; length of the description
SUFFIX, DRAFT_SUFFIX = ".group", ".tmp"
BROKEN_FOLDER = "broken"
_WRITERS = 8
NO_IDS = np.empty(0, np.int64)


class _Description(msgspec.Struct, frozen=True):
    """What stands before the families; ``families``: size in bytes, and when it was changed."""

    labels: dict[str, str]
    alive_at_us: int
    ttl_s: float | None
    deleted: bool
    ended: list[int]
    ended_at_us: int
    families: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class GroupState:
    """What a file says: the group, or None where it was deleted, and series that it had before."""

    labels: Mapping[str, str]
    group: Group | None
    ended: npt.NDArray[np.int64]
    ended_at_us: int


class GroupFiles:
    """The folder of all groups. Not safe across threads.

    Args:
        folder: Made when the first group is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: ThreadPoolExecutor | None = None

    def load(self) -> tuple[list[GroupState], list[Path]]:
        """All groups, and the files that cannot be read, which were set aside.

        Raises:
            OSError: the folder cannot be read.
        """
        states: list[GroupState] = []
        broken: list[Path] = []
        if not self._folder.is_dir():
            return states, broken
        for path in sorted(self._folder.iterdir()):
            if path.suffix == DRAFT_SUFFIX:
                path.unlink(missing_ok=True)
            elif path.suffix == SUFFIX:
                try:
                    states.append(_read(path.read_bytes()))
                except Exception as error:  # noqa: BLE001 -- whatever the bytes are, the others go on
                    aside = self._folder / BROKEN_FOLDER / path.name
                    aside.parent.mkdir(exist_ok=True)
                    path.replace(aside)
                    broken.append(aside)
                    _log.error("the pushed group in %s cannot be read: %s", aside, error)
        return states, broken

    def write(self, states: Sequence[GroupState]) -> dict[bytes, OSError]:
        """Put groups and tombstones on disk; durable when it returns.

        Returns:
            By grouping key, why some were not written. Of those the file is the old one, or,
            where the folder could not be synced, maybe the new one.
        """
        failed: dict[bytes, OSError] = {}
        drafts: list[tuple[bytes, Path, Path]] = []
        self._make_folder(failed, states)
        if failed:
            return failed
        for state, error in zip(states, self._write_drafts(states), strict=True):
            key = group_key(state.labels)
            path = self._path(key)
            draft = path.with_suffix(DRAFT_SUFFIX)
            if error is None:
                drafts.append((key, draft, path))
            else:
                failed[key] = error
                _discard(draft)
        for key, draft, path in drafts:
            try:
                draft.replace(path)
            except OSError as error:
                failed[key] = error
                _discard(draft)
        try:
            sync_folder(self._folder)
        except OSError as error:
            failed |= {key: error for key, _, _ in drafts}
        return failed

    def remove(self, key: bytes) -> None:
        """Remove a tombstone; if it comes back after a crash, no harm is done."""
        try:
            self._path(key).unlink(missing_ok=True)
        except OSError as error:
            _log.warning("the file of a deleted group could not be removed: %s", error)

    def close(self) -> None:
        """End the threads that write."""
        if self._writers is not None:
            self._writers.shutdown()
            self._writers = None

    def _make_folder(self, failed: dict[bytes, OSError], states: Sequence[GroupState]) -> None:
        try:
            if not self._folder.is_dir():
                self._folder.mkdir(parents=True, exist_ok=True)
                sync_folder(self._folder.parent)
        except OSError as error:
            failed |= {group_key(state.labels): error for state in states}

    def _write_drafts(self, states: Sequence[GroupState]) -> Iterable[OSError | None]:
        """Put drafts on disk, many at once: file systems sync several files as fast as one."""
        if len(states) == 1:
            return [self._write_draft(states[0])]
        if self._writers is None:
            self._writers = ThreadPoolExecutor(_WRITERS, "pushgateway-files")
        return self._writers.map(self._write_draft, states)

    def _write_draft(self, state: GroupState) -> OSError | None:
        draft = self._path(group_key(state.labels)).with_suffix(DRAFT_SUFFIX)
        try:
            _write(draft, _bytes(state))
        except OSError as error:
            return error
        return None

    def _path(self, key: bytes) -> Path:
        return self._folder / f"{blake2b(key, digest_size=16).hexdigest()}{SUFFIX}"


def _write(draft: Path, data: bytes) -> None:
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _discard(draft: Path) -> None:
    try:
        draft.unlink(missing_ok=True)
    except OSError as error:
        _log.warning("a draft could not be removed: %s", error)


def _bytes(state: GroupState) -> bytes:
    group = state.group
    families = [] if group is None else list(group.families.values())
    messages = [family.message.SerializeToString() for family in families]
    description = msgspec.json.encode(
        _Description(
            dict(state.labels),
            0 if group is None else group.alive_at_us,
            None if group is None else group.ttl_s,
            group is None,
            state.ended.tolist(),
            state.ended_at_us,
            [
                (len(message), family.changed_at_us)
                for message, family in zip(messages, families, strict=True)
            ],
        )
    )
    rest = b"".join((description, *messages))
    crc = google_crc32c.extend(google_crc32c.value(len(description).to_bytes(4, "little")), rest)
    return _MAGIC + _HEAD.pack(crc, len(description)) + rest


def _read(data: bytes) -> GroupState:
    start = len(_MAGIC) + _HEAD.size
    if not data.startswith(_MAGIC) or len(data) < start:
        raise ValueError("it is no group's file, or is cut off")
    crc, length = _HEAD.unpack_from(data, len(_MAGIC))
    if google_crc32c.value(data[start - 4 :]) != crc:
        raise ValueError("its checksum is wrong")
    description = msgspec.json.decode(data[start : start + length], type=_Description)
    kind = family_class()
    at = start + length
    families = {}
    for size, changed_at_us in description.families:
        family = restored_family(kind.FromString(data[at : at + size]), changed_at_us)
        families[family.name] = family
        at += size
    group = None
    if not description.deleted:
        group = Group(description.labels, families, description.alive_at_us, description.ttl_s)
    ended = np.array(description.ended, np.int64)
    return GroupState(description.labels, group, ended, description.ended_at_us)
