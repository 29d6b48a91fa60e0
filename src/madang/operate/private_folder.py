"""Keeps other users of the machine out of the data directory.

It holds whatever was sent and followed, copies of files among it that only root may read. Its one
folder is narrowed to its owner, which closes everything below, whatever modes files have there.
"""

from __future__ import annotations

import stat
from pathlib import Path

from madang.core.datadir import DataDir

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_PATHS = tuple(name for name, kind in vars(DataDir).items() if isinstance(kind, property))
_FURTHER = frozenset({"VERSION", "collect", "lost+found", ".gitignore", ".gitkeep"})
_BESIDE_A_DATABASE = ("-wal", "-shm", "-journal")


def keep_private(root: Path) -> tuple[str, bool] | None:
    """Make the data directory, or narrow one that is there, to mode 0700.

    A folder that holds anybody else's things (``--data /tmp``) is left as it is: who uses them must
    not be locked out.

    Args:
        root: The data directory.

    Returns:
        What is to be logged, and whether it is as it should be; None where nothing was to be done.
        A folder that cannot be made is nobody's error here: taking its lock says so.
    """
    try:
        root.mkdir(parents=True, mode=0o700)
    except FileExistsError:
        pass
    except OSError:
        return None
    try:
        mode = stat.S_IMODE(root.stat().st_mode)
        if not mode & _OTHERS:
            return None
        ours = {getattr(DataDir(root), name).relative_to(root).parts[0] for name in _PATHS}
        found = {_without_suffix(path.name) for path in root.iterdir()}
        foreign = sorted(found - ours - _FURTHER)
        if foreign:
            return (
                f"other users of this machine can read the data directory, mode {mode:04o}; it is "
                f"left so, since it holds {foreign[0]!r}, too: give Madang a folder of its own",
                False,
            )
        root.chmod(mode & ~_OTHERS)
    except OSError as error:
        return (
            f"the data directory cannot be closed to other users of this machine: {error.strerror}",
            False,
        )
    return f"the data directory was closed to other users of this machine, from {mode:04o}", True


def _without_suffix(entry: str) -> str:
    for suffix in _BESIDE_A_DATABASE:
        entry = entry.removesuffix(suffix)
    return entry
