"""Sources → batches: HTTP bodies, followed files, the host.

Entry for bodies: :func:`split_body`.
"""

from madang.collect.bodies import (
    ContentFormat,
    Media,
    SplitBody,
    UnsupportedMediaError,
    decompress,
    detect_media,
    split_body,
)

__all__ = [
    "ContentFormat",
    "Media",
    "SplitBody",
    "UnsupportedMediaError",
    "decompress",
    "detect_media",
    "split_body",
]
