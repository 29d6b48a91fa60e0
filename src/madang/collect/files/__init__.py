"""Lines of files, followed as they grow, rotate and vanish; each line once.

Entry: :class:`FilesSource`. Its checkpoint is the stream: see ``identity`` and ``marks``.
"""

from madang.collect.files.followed import Patience
from madang.collect.files.source import FilesSource

__all__ = ["FilesSource", "Patience"]
