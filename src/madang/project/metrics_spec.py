"""``metrics:`` in ``madang.yml``: samples of metrics, and PromQL over them."""

from __future__ import annotations

from pydantic import Field

from madang.project.remote_write_spec import RemoteWriteSpec
from madang.project.types import DurationS, SizeBytes, Spec


class MetricsQuerySpec(Spec):
    """Limits of PromQL."""

    concurrency: int = Field(default=4, ge=1, le=64)
    """Queries that run at the same time; further ones wait."""
    waiting: int = Field(default=20, ge=0, le=10_000)
    """Queries that wait at most; further ones get 503."""
    timeout: DurationS = 120.0
    """A query that takes longer, with its wait, is ended."""
    max_samples: int = Field(default=50_000_000, ge=1)
    """Samples that one query may read, and values that it may compute at once."""
    max_series: int = Field(default=0, ge=0)
    """Series that a selector may find; 0: any number."""
    lookback: DurationS = 300.0
    """How old a sample may be that a selector finds."""
    experimental: bool = False
    """Whether functions may be used that are experimental in Prometheus."""


class RuleSettingsSpec(Spec):
    """How rules are evaluated."""

    evaluation_interval: DurationS = 60.0
    """Time between two evaluations of a group in ``rules/`` that names none."""
    query_offset: DurationS = 0.0
    """How much older than the evaluation the samples are that a group of ``rules/`` asks for where
    it names no offset."""
    catch_up: DurationS = 3600.0
    """Evaluations that were missed are made up for if they are not older than this, nor than what
    ``out_of_order`` takes; 0: never."""
    threads: int = Field(default=2, ge=1, le=32)
    """Groups that are evaluated at the same time, from the next start on."""


class PushgatewaySpec(Spec):
    """Metrics that jobs push, as to Prometheus's Pushgateway."""

    interval: DurationS = Field(default=15.0, ge=0.1)
    """How often all groups are sampled; what is pushed is sampled at once as well."""
    ttl: DurationS | None = Field(default=None, gt=0)
    """Groups that nobody has pushed to for so long go, unless a push said otherwise."""
    admin_api: bool = False
    """Whether ``PUT /api/v1/admin/wipe`` may delete all groups."""
    utf8_names: bool = False
    """Whether names of metrics and labels may hold any signs; in paths they are escaped."""


class SeriesLimitsSpec(Spec):
    """How many series there may be; what is beyond is refused and told."""

    per_job: int = Field(default=2_000_000, ge=0)
    """Series of one ``job`` among the newest hours; 0: any number."""
    total: int = Field(default=10_000_000, ge=0)
    """Series among the newest hours; 0: any number."""


class BacklogSpec(Spec):
    """How long samples stay in the stream for receivers that do not take them."""

    age: DurationS = 86_400.0
    """Samples that are older go, sent or not."""
    size: SizeBytes = 8 * 2**30
    """The oldest go when the stream is larger, sent or not."""


class MetricsSpec(Spec):
    """Samples of metrics and PromQL."""

    retention: DurationS = 15 * 86_400.0
    """How long samples stay in their table; whole days go."""
    out_of_order: DurationS = 3600.0
    """How much older than the newest one a sample may be; older ones are refused and counted."""
    head: DurationS = 3 * 3600.0
    """How much time the newest samples span that are kept ready beside the table."""
    query: MetricsQuerySpec = MetricsQuerySpec()
    """Limits of PromQL."""
    rules: RuleSettingsSpec = RuleSettingsSpec()
    """How rules are evaluated."""
    pushgateway: PushgatewaySpec = PushgatewaySpec()
    """Metrics that jobs push, as to Prometheus's Pushgateway."""
    series: SeriesLimitsSpec = SeriesLimitsSpec()
    """How many series there may be."""
    remote_write: tuple[RemoteWriteSpec, ...] = ()
    """Where all samples are sent on to, as in a ``prometheus.yml``."""
    backlog: BacklogSpec = BacklogSpec()
    """How long samples wait for those receivers."""
