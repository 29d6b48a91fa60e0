"""What surrounds a body of remote write: its content type, and what the answer says."""

from __future__ import annotations

from email.message import Message

from madang.collect.bodies import UnsupportedMediaError
from madang.collect.pushed import Pushed

V1_PROTO = "prometheus.WriteRequest"
V2_PROTO = "io.prometheus.write.v2.Request"
CONTENT_TYPES = {
    V1_PROTO: "application/x-protobuf",
    V2_PROTO: f"application/x-protobuf;proto={V2_PROTO}",
}
_TOLD = 10


def proto_of(content_type: str, content_encoding: str) -> str:
    """Which message a request holds: ``V1_PROTO`` or ``V2_PROTO``.

    Without headers it is 1.0 in snappy, as old senders leave them out.

    Raises:
        UnsupportedMediaError: another type, message or packing; the sender then tries 1.0.
    """
    if content_encoding.strip().lower() not in {"", "snappy"}:
        raise UnsupportedMediaError(
            f"remote write packed with {content_encoding!r} cannot be read", hint="snappy can"
        )
    header = Message()
    header["content-type"] = content_type or CONTENT_TYPES[V1_PROTO]
    proto = header.get_param("proto", V1_PROTO)
    if header.get_content_type() != "application/x-protobuf" or proto not in CONTENT_TYPES:
        raise UnsupportedMediaError(
            f"remote write as {content_type!r} cannot be read",
            hint=f"send {CONTENT_TYPES[V1_PROTO]} or {CONTENT_TYPES[V2_PROTO]}",
        )
    assert isinstance(proto, str)
    return proto


def written_headers(pushed: Pushed) -> dict[str, str]:
    """The headers by which 2.0 tells the sender how much was written, also in an error.

    Exemplars are read and not kept.
    """
    return _written(len(pushed.samples), len(pushed.histograms))


def nothing_written() -> dict[str, str]:
    """The headers of 2.0 where nothing was taken."""
    return _written(0, 0)


def _written(samples: int, histograms: int) -> dict[str, str]:
    counts = {"Samples": samples, "Histograms": histograms, "Exemplars": 0}
    return {
        f"X-Prometheus-Remote-Write-{what}-Written": str(count) for what, count in counts.items()
    }


def refusal_text(pushed: Pushed) -> str | None:
    """What a 400 says after a partial write; None: all was taken, answer 204.

    The sender does not send a 400 again, so what was taken must have been stored before.
    """
    if not pushed.refused_count:
        return None
    lines = [f"{one.where('series ')}{one.reason}: {one.text}" for one in pushed.refused[:_TOLD]]
    if (more := pushed.refused_count - len(lines)) > 0:
        lines.append(f"and {more} more")
    return "\n".join(lines)
