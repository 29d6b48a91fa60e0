"""Protocols of other systems, each under its prefix: what their clients send and expect.

Samples of all of them reach the stream through :class:`SampleWriter`.
"""

from madang.server.protocols.sample_writer import SampleWriter

__all__ = ["SampleWriter"]
