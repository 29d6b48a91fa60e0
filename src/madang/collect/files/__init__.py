"""Lines of files, followed as they grow, rotate and vanish; each line once.

Entry: :class:`FilesSource`. Its checkpoint is the stream: see ``identity``.
"""

from madang.collect.files.source import FilesSource, Patience

__all__ = ["FilesSource", "Patience"]
