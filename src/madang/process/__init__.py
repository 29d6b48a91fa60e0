"""Raw records → typed columns, between the stream and the lake.

Main type: :class:`StreamDecoder`, which implements :class:`madang.lake.decoder.Decoder` for every
format. A record becomes a row or a dead letter; a value that fits no column stays in ``_rest``.
"""

from madang.process.decoder import StreamDecoder

__all__ = ["StreamDecoder"]
