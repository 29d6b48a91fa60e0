"""The lake: Iceberg tables that streams are delivered to, their evolution and their upkeep."""

from madang.lake.decoder import DEAD_LETTER_SCHEMA, Decoded, Decoder

__all__ = ["DEAD_LETTER_SCHEMA", "Decoded", "Decoder"]
