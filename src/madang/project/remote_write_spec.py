"""``remote_write`` as Prometheus writes it: where samples are sent on to."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from madang.project.http_client_spec import HttpClientSpec
from madang.project.prometheus_types import PromBool, PromCount, PromDuration, PromSpec, unreadable
from madang.project.relabel_spec import RelabelSpec

_RESERVED = frozenset(
    {
        "accept-encoding", "authorization", "connection", "content-encoding", "content-length",
        "content-type", "host", "keep-alive", "proxy-authenticate", "proxy-authorization", "te",
        "trailer", "transfer-encoding", "upgrade", "user-agent", "www-authenticate",
        "x-prometheus-remote-read-version", "x-prometheus-remote-write-version",
    }
)  # fmt: skip


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise unreadable(f"{value!r} is no HTTP address", "https://host:port/path")
    return value


def _headers(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if name.lower() in _RESERVED:
            raise unreadable(f"the header {name!r} cannot be set")
        if not name.isascii() or not name.replace("-", "").replace("_", "").isalnum():
            raise unreadable(f"{name!r} is no name of a header")
        if any(sign in text for sign in "\r\n\0"):
            raise unreadable(f"the header {name!r} has a line end in it")
    return value


class QueueSpec(PromSpec):
    """How samples are sent. What waits lies in the stream, not in memory."""

    capacity: PromCount = 10_000
    """Taken for compatibility: the queue is the stream."""
    min_shards: PromCount = 1
    """The fewest requests at a time."""
    max_shards: Annotated[PromCount, Field(ge=1)] = 50
    """The most requests at a time; four unless ``min_shards`` is more."""
    max_samples_per_send: Annotated[PromCount, Field(ge=1)] = 2000
    """Samples of a request."""
    batch_send_deadline: PromDuration = 5.0
    """The longest that samples wait for more to be sent with."""
    min_backoff: PromDuration = 0.03
    """The first pause before a request is sent again."""
    max_backoff: PromDuration = 5.0
    """The longest such pause."""
    retry_on_http_429: PromBool = True
    """Whether a request is sent again that the receiver has no time for."""
    sample_age_limit: PromDuration = 0.0
    """Samples that are older are not sent; 0: all are."""

    @model_validator(mode="after")
    def _check(self) -> QueueSpec:
        if self.max_backoff < self.min_backoff:
            raise unreadable("max_backoff is shorter than min_backoff")
        if self.max_shards < self.min_shards:
            raise unreadable("max_shards is less than min_shards")
        return self

    @property
    def shards(self) -> int:
        """Requests at a time."""
        return min(self.max_shards, max(self.min_shards, 4))


class MetadataSpec(PromSpec):
    """Taken for compatibility: metadata is not sent."""

    send: PromBool = True
    """Taken for compatibility."""
    send_interval: PromDuration = 60.0
    """Taken for compatibility."""
    max_samples_per_send: PromCount = 500
    """Taken for compatibility."""


class RemoteWriteSpec(HttpClientSpec):
    """A receiver of all samples."""

    url: Annotated[str, AfterValidator(_url)]
    """Where to, such as ``https://host/api/v1/write``."""
    name: str = ""
    """Shown, and what the sender's place in the stream is kept under; default: its ``url``."""
    remote_timeout: PromDuration = 30.0
    """The longest that a request takes."""
    headers: Annotated[dict[str, str], AfterValidator(_headers)] = Field(default_factory=dict)
    """Headers of every request."""
    write_relabel_configs: tuple[RelabelSpec, ...] = ()
    """Rules for the labels of what is sent; what they drop is not sent."""
    external_labels: dict[str, str] = Field(default_factory=dict)
    """Labels for series that do not have them; a ``prometheus.yml`` has them in ``global``."""
    protobuf_message: Literal["prometheus.WriteRequest", "io.prometheus.write.v2.Request"] = (
        "prometheus.WriteRequest"
    )
    """Remote write 1.0 or 2.0."""
    queue_config: QueueSpec = QueueSpec()
    """How samples are sent."""
    metadata_config: MetadataSpec = MetadataSpec()
    """Taken for compatibility: metadata is not sent."""
    send_exemplars: PromBool = False
    """Taken for compatibility: exemplars are not sent."""
    send_native_histograms: PromBool = False
    """Taken for compatibility: native histograms are not sent."""
    round_robin_dns: PromBool = False
    """Taken for compatibility."""

    @model_validator(mode="after")
    def _check(self) -> RemoteWriteSpec:
        if not self.remote_timeout:
            raise unreadable("remote_timeout is 0")
        return self

    @property
    def key(self) -> str:
        """What tells it from others."""
        return self.name or self.url
