"""``scrape_configs`` and ``global`` as Prometheus writes them, and the source that scrapes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from madang.core.names import SAMPLES
from madang.project.discovery_spec import FileSdSpec, HttpSdSpec, StaticConfigSpec
from madang.project.http_client_spec import HttpClientSpec
from madang.project.prometheus_types import (
    LabelName,
    PromBool,
    PromCount,
    PromDuration,
    PromSize,
    PromSpec,
    unreadable,
)
from madang.project.relabel_spec import RelabelSpec
from madang.project.remote_write_spec import RemoteWriteSpec
from madang.project.types import Name, Spec

Protocol = Literal[
    "PrometheusProto",
    "OpenMetricsText0.0.1",
    "OpenMetricsText1.0.0",
    "PrometheusText0.0.4",
    "PrometheusText1.0.0",
]
DEFAULT_INTERVAL_S = 60.0
DEFAULT_TIMEOUT_S = 10.0
DEFAULT_PROTOCOLS: tuple[Protocol, ...] = (
    "OpenMetricsText1.0.0",
    "OpenMetricsText0.0.1",
    "PrometheusText1.0.0",
    "PrometheusText0.0.4",
)


def _protocols(value: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if value is not None and not value:
        raise unreadable("scrape_protocols is empty")
    if value and len(set(value)) < len(value):
        twice = next(name for name in value if value.count(name) > 1)
        raise unreadable(f"the protocol {twice!r} stands twice")
    return value


Protocols = Annotated[tuple[Protocol, ...], AfterValidator(_protocols)]
ValidationScheme = Literal["utf8", "legacy"]
EscapingScheme = Literal["allow-utf-8", "underscores", "dots", "values"]


class ScrapeLimitsSpec(PromSpec):
    """What a page of a target may hold; 0 is no limit. A page over a limit is refused whole."""

    body_size_limit: PromSize = 0
    """Bytes of a page, inflated."""
    sample_limit: PromCount = 0
    """Samples of a page, after ``metric_relabel_configs``."""
    label_limit: PromCount = 0
    """Labels of a sample."""
    label_name_length_limit: PromCount = 0
    """Bytes of a label's name."""
    label_value_length_limit: PromCount = 0
    """Bytes of a label's value."""
    target_limit: PromCount = 0
    """Targets of a job; beyond it all of them fail."""
    keep_dropped_targets: PromCount = 0
    """Targets that relabelling dropped and that are still shown, for each job."""


class GlobalSpec(ScrapeLimitsSpec):
    """What holds for every job that does not say otherwise."""

    scrape_interval: PromDuration = 0.0
    """Time between two scrapes of a target; default: 1m."""
    scrape_timeout: PromDuration = 0.0
    """The longest that a scrape takes; default: 10s, or the interval where that is shorter."""
    evaluation_interval: PromDuration = 0.0
    """Time between two evaluations of a group of ``rule_files`` that names none; default: 1m."""
    rule_query_offset: PromDuration = 0.0
    """How much older than the evaluation the samples are that those groups ask for."""
    external_labels: dict[LabelName, str] = Field(default_factory=dict)
    """Labels of what is sent on; samples here do not get them."""
    query_log_file: str = ""
    """Taken for compatibility."""
    scrape_protocols: Protocols | None = None
    """Formats to ask for, most wanted first."""
    metric_name_validation_scheme: ValidationScheme = "utf8"
    """Which names are good: any UTF-8, or letters, digits, ``_`` and ``:``."""
    metric_name_escaping_scheme: EscapingScheme | None = None
    """How names are to be written that are not in the older form."""
    extra_scrape_metrics: PromBool = False
    """Also note timeout, sample limit and page size of each scrape as series."""

    @model_validator(mode="after")
    def _check_times(self) -> GlobalSpec:
        if self.scrape_timeout > self.interval_s:
            raise unreadable("global.scrape_timeout is longer than global.scrape_interval")
        return self

    @property
    def interval_s(self) -> float:
        """The interval with its default."""
        return self.scrape_interval or DEFAULT_INTERVAL_S

    @property
    def timeout_s(self) -> float:
        """The time-out with its default."""
        return self.scrape_timeout or min(DEFAULT_TIMEOUT_S, self.interval_s)


class ScrapeJobSpec(HttpClientSpec):
    """One of ``scrape_configs``: targets, and how they are scraped. None: as ``global`` says."""

    job_name: str = Field(min_length=1)
    """Name of the job; becomes the label ``job``."""
    scrape_interval: PromDuration = 0.0
    """Time between two scrapes of a target; default: that of ``global``."""
    scrape_timeout: PromDuration = 0.0
    """The longest that a scrape takes; default: that of ``global``, or the interval."""
    scrape_protocols: Protocols | None = None
    """Formats to ask for, most wanted first."""
    fallback_scrape_protocol: Protocol | None = None
    """The format of a page whose ``Content-Type`` says nothing usable."""
    metrics_path: str = "/metrics"
    """Path of the page."""
    scheme: str = "http"
    """``http`` or ``https``."""
    params: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Query parameters of the address."""
    honor_labels: PromBool = False
    """Labels of the page win over those of the target, instead of being called ``exported_…``."""
    honor_timestamps: PromBool = True
    """Times that stand in the page count."""
    track_timestamps_staleness: PromBool = False
    """Series with times of their own end as well when they vanish."""
    enable_compression: PromBool = True
    """Ask for gzip."""
    extra_scrape_metrics: PromBool | None = None
    """Also note timeout, sample limit and page size of each scrape as series."""
    metric_name_validation_scheme: ValidationScheme | None = None
    """Which names are good: any UTF-8, or letters, digits, ``_`` and ``:``."""
    metric_name_escaping_scheme: EscapingScheme | None = None
    """How names are to be written that are not in the older form."""
    body_size_limit: PromSize | None = None
    """Bytes of a page, inflated; 0 is no limit."""
    sample_limit: PromCount | None = None
    """Samples of a page, after ``metric_relabel_configs``."""
    label_limit: PromCount | None = None
    """Labels of a sample."""
    label_name_length_limit: PromCount | None = None
    """Bytes of a label's name."""
    label_value_length_limit: PromCount | None = None
    """Bytes of a label's value."""
    target_limit: PromCount | None = None
    """Targets of the job; beyond it all of them fail."""
    keep_dropped_targets: PromCount | None = None
    """Targets that relabelling dropped and that are still shown."""
    static_configs: tuple[StaticConfigSpec, ...] = ()
    """Targets that are written down."""
    file_sd_configs: tuple[FileSdSpec, ...] = ()
    """Targets in files."""
    http_sd_configs: tuple[HttpSdSpec, ...] = ()
    """Targets that a server tells."""
    relabel_configs: tuple[RelabelSpec, ...] = ()
    """Rules for the labels of targets."""
    metric_relabel_configs: tuple[RelabelSpec, ...] = ()
    """Rules for the labels of samples."""

    @model_validator(mode="after")
    def _check_job(self) -> ScrapeJobSpec:
        if self.scrape_interval and self.scrape_timeout > self.scrape_interval:
            raise unreadable(f"the scrape_timeout of {self.job_name!r} is longer than its interval")
        for config in () if self.relabel_configs else self.static_configs:
            for target in config.targets:
                if "/" in target:
                    raise unreadable(
                        f"{target!r} is not an address",
                        "host:port; scheme and path are keys of their own",
                    )
        return self

    def over(self, settings: GlobalSpec) -> ScrapeJobSpec:
        """The job with what ``global`` says where it says nothing itself.

        Raises:
            ValueError: the time-out is longer than the interval.
        """
        interval_s = self.scrape_interval or settings.interval_s
        timeout_s = self.scrape_timeout or min(settings.timeout_s, interval_s)
        if timeout_s > interval_s:
            raise ValueError(f"the scrape_timeout of {self.job_name!r} is longer than its interval")
        inherited = {
            name: getattr(settings, name)
            for name in type(settings).model_fields
            if name in type(self).model_fields and getattr(self, name) is None
        }
        return self.model_copy(
            update={
                **inherited,
                "scrape_interval": interval_s,
                "scrape_timeout": timeout_s,
                "scrape_protocols": self.scrape_protocols
                or settings.scrape_protocols
                or DEFAULT_PROTOCOLS,
            }
        )


class ScrapeFileSpec(PromSpec):
    """What scraping takes of a ``prometheus.yml``."""

    global_: GlobalSpec = Field(default=GlobalSpec(), alias="global")
    """What holds for every job that does not say otherwise."""
    scrape_configs: tuple[ScrapeJobSpec, ...] = ()
    """The jobs."""
    rule_files: tuple[str, ...] = ()
    """Globs of rule files, beside those in ``rules/``."""
    remote_write: tuple[RemoteWriteSpec, ...] = ()
    """Where all samples are sent on to."""


class ScrapeSourceSpec(Spec):
    """Pages of metrics that targets offer, fetched at intervals, as Prometheus does."""

    kind: Literal["scrape"]
    """``scrape``."""
    name: Name = ""
    """Given by the file's name; need not be written."""
    description: str = ""
    """What is collected, in a line."""
    stream: Literal["metrics.samples"] = SAMPLES
    """Where all samples go; need not be written."""
    config: str = ""
    """A ``prometheus.yml``, taken as it is; a relative path starts at the project directory. Or
    write ``global`` and ``scrape_configs`` here."""
    global_: GlobalSpec = Field(default=GlobalSpec(), alias="global")
    """What holds for every job that does not say otherwise."""
    scrape_configs: tuple[ScrapeJobSpec, ...] = ()
    """The jobs."""
    rule_files: tuple[str, ...] = ()
    """Globs of rule files, beside those in ``rules/``."""
    remote_write: tuple[RemoteWriteSpec, ...] = ()
    """Where all samples are sent on to."""

    def jobs(self) -> tuple[ScrapeJobSpec, ...]:
        """The jobs with their defaults."""
        return tuple(job.over(self.global_) for job in self.scrape_configs)
