"""Protobuf messages from descriptions of their fields, built when they are first needed.

The wire formats that Madang reads are public; a description names of a message only the fields
that are read. A field whose type is ``bytes`` may stand for a text (which is checked where it is
used, so that one bad text does not refuse the whole message) or for a message that is read later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

AnyMessage: TypeAlias = Any
"""A message of a class that was built here: the described fields are its attributes."""

_FIELD = re.compile(r"(repeated )?(\w+) (\w+) = (\d+)")
_PROTO = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "double": _PROTO.TYPE_DOUBLE,
    "int64": _PROTO.TYPE_INT64,
    "uint64": _PROTO.TYPE_UINT64,
    "int32": _PROTO.TYPE_INT32,
    "uint32": _PROTO.TYPE_UINT32,
    "sint32": _PROTO.TYPE_SINT32,
    "sint64": _PROTO.TYPE_SINT64,
    "fixed64": _PROTO.TYPE_FIXED64,
    "sfixed64": _PROTO.TYPE_SFIXED64,
    "bool": _PROTO.TYPE_BOOL,
    "bytes": _PROTO.TYPE_BYTES,
    "string": _PROTO.TYPE_STRING,
}


def build_messages(package: str, described: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Message classes of a proto3 file.

    Args:
        package: A name of its own.
        described: Fields by message: ``[repeated] <type> <name> = <number>``, the type being a
            scalar or another message. ``<type>?`` keeps track of presence.

    Returns:
        The classes by name.
    """
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{package}.proto", package=package, syntax="proto3"
    )
    for name, lines in described.items():
        message = file.message_type.add(name=name)
        for line in lines:
            _add_field(message, package, line)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}"))
        for name in described
    }


def _add_field(message: descriptor_pb2.DescriptorProto, package: str, line: str) -> None:
    optional = "?" in line
    found = _FIELD.fullmatch(line.replace("?", ""))
    assert found, line
    repeated, kind, name, number = found.groups()
    added = message.field.add(name=name, number=int(number))
    added.label = _PROTO.LABEL_REPEATED if repeated else _PROTO.LABEL_OPTIONAL
    if kind in _SCALARS:
        added.type = _SCALARS[kind]
    else:
        added.type = _PROTO.TYPE_MESSAGE
        added.type_name = f".{package}.{kind}"
    if optional:
        added.proto3_optional = True
        added.oneof_index = len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{name}")
