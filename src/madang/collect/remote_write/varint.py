"""Whole numbers as protobuf writes them: seven bits a byte, the lowest first."""

from __future__ import annotations


def varint(number: int) -> bytes:
    """The bytes of a number that is not negative."""
    if number < 0x80:
        return bytes((number,))
    if number < 0x4000:
        return bytes((number & 0x7F | 0x80, number >> 7))
    wire = bytearray()
    while number >= 0x80:
        wire.append(number & 0x7F | 0x80)
        number >>= 7
    wire.append(number)
    return bytes(wire)


SMALL = [varint(number) for number in range(0x4000)]
"""Those that are needed most, by number."""
