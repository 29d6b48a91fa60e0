"""Bodies of OTLP/HTTP metrics → samples."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable

from google.protobuf.message import DecodeError

from madang.collect.gathered import Gathered
from madang.collect.otlp.attributes import Attributes, attributes_of, labels_of_attributes
from madang.collect.otlp.json_body import read_json
from madang.collect.otlp.messages import MESSAGES
from madang.collect.otlp.naming import label_name, metric_name
from madang.collect.otlp.points import Known, MetricPoints
from madang.collect.pushed import FamilyMetadata, Pushed
from madang.collect.sender_labels import SeriesError
from madang.collect.series_table import SeriesTable
from madang.collect.wire_messages import AnyMessage
from madang.core.errors import InvalidInputError, TooLargeError
from madang.core.samples import METRIC_NAME, canonical_labels

_CUMULATIVE, _DELTA = 2, 1
_PARTS_LIMIT = 1_000_000
_IDENTIFYING = ("service.name", "service.namespace", "service.instance.id")
_KINDS = ("gauge", "sum", "histogram", "exponential_histogram", "summary")


class OtlpDecoder:
    """Decodes ExportMetricsServiceRequests; keeps the series it has met, so one serves many.

    Safe across threads: bodies are decoded one after the other.

    Names and suffixes: see ``naming``. ``service.name`` (with its namespace before a ``/``) becomes
    ``job``, ``service.instance.id`` becomes ``instance``; the other attributes of a resource stand
    on ``target_info``, once a body, at the newest time in it. Histograms become ``_bucket``,
    ``_count`` and ``_sum``, exponential ones native histograms. A point without a recorded value
    ends its series. A point that is wrong is refused with its place (from 1), and the others taken.

    Args:
        limit_bytes: The most that a body may have; in JSON a quarter of it. While it is read, a
            hostile one takes some 40 times as much.
        known_limit_bytes: About how much memory the known series may take.
        promoted: Attributes of resources that become labels of all their series.
        keep_deltas: Whether sums and histograms of delta temporality are stored as they come,
            without ``_total``, instead of refused. ``rate`` does not fit them; ``sum_over_time``
            does.

    Raises:
        ValueError: no label can be made of a name in ``promoted``.
    """

    def __init__(
        self,
        limit_bytes: int = 16 << 20,
        known_limit_bytes: int = 256 << 20,
        *,
        promoted: Iterable[str] = (),
        keep_deltas: bool = False,
    ) -> None:
        self._limit_bytes = limit_bytes
        self._promoted = frozenset(promoted)
        for name in self._promoted:
            label_name(name)
        self._keep_deltas = keep_deltas
        self._lock = threading.Lock()
        self._series = SeriesTable(known_limit_bytes)
        self._known: dict[tuple[str, bytes, bytes], Known] = {}

    def decode(self, body: bytes, *, is_json: bool = False) -> Pushed:
        """Decode one body.

        Args:
            body: Uncompressed.
            is_json: Whether it is ``application/json`` instead of ``application/x-protobuf``.

        Raises:
            InvalidInputError: it is no ExportMetricsServiceRequest.
            TooLargeError: it is larger than ``limit_bytes``, or has more than a million points.
        """
        limit_bytes = self._limit_bytes // 4 if is_json else self._limit_bytes
        if len(body) > limit_bytes:
            raise TooLargeError(
                f"the body has {len(body)} bytes; {limit_bytes} are the most",
                hint="send fewer data points in a request (in a collector: the processor batch)",
            )
        request = read_json(body) if is_json else _read(body)
        with self._lock:
            if self._series.begin():
                self._known.clear()
            gathered = Gathered(self._series)
            reader = _Request(gathered, self._known, self._promoted, keep_deltas=self._keep_deltas)
            for resource in request.resource_metrics:
                reader.resource(resource)
            return gathered.pushed()


def _read(body: bytes) -> AnyMessage:
    try:
        return MESSAGES["Request"].FromString(body)
    except DecodeError:
        raise InvalidInputError("the body is no ExportMetricsServiceRequest of OTLP") from None


class _Request:
    def __init__(
        self,
        gathered: Gathered,
        known: dict[tuple[str, bytes, bytes], Known],
        promoted: frozenset[str],
        *,
        keep_deltas: bool,
    ) -> None:
        self._gathered = gathered
        self._known = known
        self._promoted = promoted
        self._keep_deltas = keep_deltas
        self._place = 0
        self._newest_ms = 0
        self._parts = 0

    def resource(self, resource: AnyMessage) -> None:
        self._count(1)
        attributes = attributes_of(resource.resource.attributes)
        identity = _identity(attributes)
        promoted = labels_of_attributes(
            {name: attributes[name] for name in attributes.keys() & self._promoted}
        )
        self._newest_ms = 0
        for scope in resource.scope_metrics:
            self._count(1)
            for metric in scope.metrics:
                self._metric(metric, promoted, identity)
        information = _information(attributes)
        if information and identity and self._newest_ms:
            labels = canonical_labels({**information, **identity, METRIC_NAME: "target_info"})
            number = self._gathered.table.number(labels)
            self._gathered.add_sample(self._place, number, self._newest_ms, 1.0)
            self._gathered.add_metadata(FamilyMetadata("target_info", "gauge", "Target metadata"))

    def _metric(
        self, metric: AnyMessage, promoted: dict[str, str], identity: dict[str, str]
    ) -> None:
        points = self._points(metric)
        first = self._place
        self._place += len(points)
        try:
            kind, prometheus_type = self._kind(metric)
            name = metric_name(metric.name, metric.unit, prometheus_type)
        except ValueError as error:
            count = max(len(points), 1)
            self._gathered.refusals.add(first + 1, str(error), metric.name, count)
            return
        family = FamilyMetadata(name, prometheus_type, metric.description, metric.unit)
        self._gathered.add_metadata(family)
        key = (name, canonical_labels(promoted), canonical_labels(identity))
        known = self._known.setdefault(key, {})
        reader = MetricPoints(name, promoted, identity, known, self._gathered)
        take: Callable[[int, AnyMessage], int] = {
            "gauge": reader.number,
            "sum": reader.number,
            "histogram": reader.histogram,
            "exponential_histogram": reader.exponential,
            "summary": reader.summary,
        }[kind]
        for place, point in enumerate(points, first):
            try:
                self._newest_ms = max(self._newest_ms, take(place, point))
            except SeriesError as error:
                self._gathered.refusals.add(place + 1, str(error), metric.name)

    def _points(self, metric: AnyMessage) -> list[AnyMessage]:
        kind = _kind_of(metric)
        points = getattr(metric, kind).data_points if kind else ()
        self._count(1 + len(points))
        return list(points)

    def _count(self, parts: int) -> None:
        self._parts += parts
        if self._parts > _PARTS_LIMIT:
            raise TooLargeError(
                f"the request has more than {_PARTS_LIMIT} resources, metrics and data points",
                hint="send fewer data points in a request (in a collector: the processor batch)",
            )

    def _kind(self, metric: AnyMessage) -> tuple[str, str]:
        """The kind of a metric, and its type in Prometheus."""
        kind = _kind_of(metric)
        if kind is None:
            raise SeriesError("a metric without data, or of a kind that is not known")
        if kind in {"gauge", "summary"}:
            return kind, kind
        data = getattr(metric, kind)
        if data.aggregation_temporality == _DELTA and self._keep_deltas:
            return kind, "unknown"
        if data.aggregation_temporality != _CUMULATIVE:
            given = "delta" if data.aggregation_temporality == _DELTA else "no"
            raise SeriesError(
                f"{given} temporality is not supported: let the sender make it cumulative "
                "(in a collector: the processor deltatocumulative)"
            )
        if kind == "sum":
            return kind, "counter" if data.is_monotonic else "gauge"
        return kind, "histogram"


def _identity(attributes: Attributes) -> dict[str, str]:
    labels = {}
    if service := attributes.get("service.name"):
        namespace = attributes.get("service.namespace")
        labels["job"] = f"{namespace}/{service}" if namespace else service
    if instance := attributes.get("service.instance.id"):
        labels["instance"] = instance
    return labels


def _information(attributes: Attributes) -> dict[str, str]:
    """The labels of ``target_info``; attributes of which no label can be made are left away."""
    kept: Attributes = {}
    for name, value in attributes.items():
        if name in _IDENTIFYING:
            continue
        with contextlib.suppress(ValueError):
            label_name(name)
            kept[name] = value
    return labels_of_attributes(kept)


def _kind_of(metric: AnyMessage) -> str | None:
    return next((kind for kind in _KINDS if metric.HasField(kind)), None)
