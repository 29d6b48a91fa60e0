"""HTTP bodies → record batches: what a client sent, decompressed, told apart and split.

Entry: :func:`split_body`, after :func:`decompress` and :func:`detect_media`.
"""

from madang.collect.bodies.encoding import decompress
from madang.collect.bodies.media import ContentFormat, Media, UnsupportedMediaError, detect_media
from madang.collect.bodies.split import SplitBody, split_body

__all__ = [
    "ContentFormat",
    "Media",
    "SplitBody",
    "UnsupportedMediaError",
    "decompress",
    "detect_media",
    "split_body",
]
