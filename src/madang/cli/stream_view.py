"""What ``madang streams show`` prints."""

from __future__ import annotations

import json
from typing import Any

from madang.cli.output import ago, count, duration, say, show_table, size

_SET = ("key", "pattern", "header", "time", "columns", "contract")
"""Settings that are shown where they are set."""


def show_stream(stream: dict[str, Any], reasons: list[dict[str, Any]]) -> None:
    """Show a stream as the API answers it, and why its dead letters died."""
    say(
        f"{stream['name']}: {count(stream['records_total'])} records so far, "
        f"{size(stream['size_bytes'])} kept, {stream['records_per_s']:,.1f} records/s, "
        f"last {ago(stream.get('last_append_at'))}"
    )
    if stream.get("description"):
        say(stream["description"])
    say(_delivery(stream))
    say(f"file: {stream['file']}" if stream.get("file") else "one of Madang's own")
    _settings(stream)
    say()
    show_table(
        ("partition", "earliest>", "end>", "delivered>", "lag>", "size>"),
        [
            (
                str(one["partition"]),
                count(one["earliest"]),
                count(one["end"]),
                count(one["delivered"]),
                count(max(0, one["end"] - one["delivered"]))
                if one["delivered"] is not None
                else "–",
                size(one["size_bytes"]),
            )
            for one in stream["partition_bounds"]
        ],
    )
    if stream["groups"]:
        say()
        show_table(
            ("consumer group", "offsets", "lag>"),
            [
                (
                    one["name"],
                    ", ".join(f"{part}: {at:,}" for part, at in sorted(one["offsets"].items())),
                    count(one["lag"]),
                )
                for one in stream["groups"]
            ],
        )
    say()
    show_table(
        ("column as kept in the stream", "type"),
        [(one["name"], one["type"]) for one in stream["schema"]],
    )
    if stream.get("table"):
        say(f"what records become: madang tables show {stream['table']}")
    _dead_letters(stream, reasons)


def _delivery(stream: dict[str, Any]) -> str:
    if not stream.get("table"):
        return "delivered to no table"
    return (
        f"delivered to {stream['table']}: {count(stream['lag_records'])} records wait, "
        f"{duration(stream['freshness_s'])} behind"
    )


def _settings(stream: dict[str, Any]) -> None:
    spec = stream.get("spec") or {}
    retention = spec.get("retention") or {}
    zone = f", times without a zone: {stream['time_zone']}" if stream["format"] != "typed" else ""
    say(f"format: {stream['format']}{zone}")
    for name in _SET:
        if spec.get(name):
            value = spec[name]
            shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            say(f"{name}: {shown}")
    if retention:
        say(f"retention: {duration(retention['age'])}, {size(retention['size'])} a partition")


def _dead_letters(stream: dict[str, Any], reasons: list[dict[str, Any]]) -> None:
    if not reasons:
        say()
        say("no dead letters")
        return
    say()
    show_table(
        ("dead letters", "not replayed>", "kept>", "newest", "reason of the newest"),
        [
            (
                one["code"],
                count(one.get("waiting")),
                count(one["count"]),
                ago(one["last_at"]),
                one["reason"],
            )
            for one in reasons
        ],
    )
    if stream["dead_letters"]:
        say(f"after a fix: madang replay {stream['name']}")
