"""A target: from the labels that discovery found to an address and the labels of its series."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from urllib.parse import quote, urlencode

from madang.collect.scrape.relabel import Labels, Relabeller
from madang.core.samples import canonical_labels
from madang.project import ScrapeJobSpec
from madang.project.prometheus_types import duration_text, parse_duration_s

ADDRESS = "__address__"
_PARAM = "__param_"
_META = "__meta_"


@dataclass(frozen=True, slots=True)
class Target:
    """What is scraped.

    ``labels`` are those of its series, without ``__…``; ``discovered`` those before relabelling.
    ``key`` is a digest of labels, address and times: two targets of one key are one. ``identity``
    is one of the labels alone: targets that share it have the same series.
    """

    job: str
    scheme: str
    address: str
    path: str
    query: str
    interval_s: float
    timeout_s: float
    labels: Mapping[str, str]
    discovered: Mapping[str, str]
    key: bytes = field(repr=False)
    identity: bytes = field(repr=False)

    @property
    def url(self) -> str:
        """The address of the page."""
        query = f"?{self.query}" if self.query else ""
        return f"{self.scheme}://{self.address}{self.path}{query}"

    def offset_s(self, host: str) -> float:
        """Where in the interval it is scraped: stable, and spread over targets and hosts."""
        digest = blake2b(self.key + host.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "little") / 2**64 * self.interval_s


@dataclass(frozen=True, slots=True)
class NoTarget:
    """What discovery found and is not scraped: dropped by a rule, or ``error`` says why."""

    job: str
    discovered: Mapping[str, str]
    error: str | None = None


def target_of(job: ScrapeJobSpec, found: Mapping[str, str], rules: Relabeller) -> Target | NoTarget:
    """The target of a job that has the labels ``found`` (``__address__`` among them).

    Args:
        job: With its defaults.
        found: From discovery.
        rules: The job's ``relabel_configs``.
    """
    labels: Labels = {name: value for name, value in found.items() if value}
    defaults = {
        "job": job.job_name,
        "__scrape_interval__": duration_text(job.scrape_interval),
        "__scrape_timeout__": duration_text(job.scrape_timeout),
        "__metrics_path__": job.metrics_path,
        "__scheme__": job.scheme,
    }
    for name, value in defaults.items():
        if value:
            labels.setdefault(name, value)
    labels |= {f"{_PARAM}{name}": values[0] for name, values in job.params.items() if values}
    labels = {name: value for name, value in labels.items() if value}
    discovered = dict(sorted(labels.items()))
    if not rules.apply(labels):
        return NoTarget(job.job_name, discovered)
    try:
        return _built(job, labels, discovered)
    except ValueError as error:
        return NoTarget(job.job_name, discovered, str(error))


def _built(job: ScrapeJobSpec, labels: Labels, discovered: Mapping[str, str]) -> Target:
    address = labels.get(ADDRESS, "")
    if not address:
        raise ValueError(f"no address: the label {ADDRESS} is empty")
    if any(one in address for one in "/?#@\r\n\t ") or not address.isprintable():
        raise ValueError(f"{address!r} is not an address: write host:port")
    scheme = labels.get("__scheme__", "")
    if scheme not in ("http", "https"):
        raise ValueError(f"scheme {scheme!r} is neither http nor https")
    interval_s = _duration(labels, "__scrape_interval__")
    timeout_s = _duration(labels, "__scrape_timeout__")
    if timeout_s > interval_s:
        raise ValueError("__scrape_timeout__ is longer than __scrape_interval__")
    params = {name: list(values) for name, values in job.params.items() if values}
    for name, value in labels.items():
        if name.startswith(_PARAM):
            params.setdefault(name.removeprefix(_PARAM), [""])[0] = value
    labels.setdefault("instance", address)
    public = {name: value for name, value in sorted(labels.items()) if not name.startswith("__")}
    path = quote(labels.get("__metrics_path__", ""), safe="/%:@!$&'()*+,;=~-._?")
    path = path if path.startswith("/") else f"/{path}"
    query = urlencode(sorted(params.items()), doseq=True)
    digest = blake2b(canonical_labels(public), digest_size=16)
    identity = digest.digest()
    digest.update(
        f"\0{job.job_name}\0{scheme}\0{address}\0{path}\0{query}\0{interval_s}\0{timeout_s}".encode()
    )
    return Target(
        job.job_name, scheme, address, path, query, interval_s, timeout_s,
        public, discovered, digest.digest(), identity,
    )  # fmt: skip


def _duration(labels: Labels, name: str) -> float:
    try:
        seconds = parse_duration_s(labels.get(name, ""))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if seconds == 0:
        raise ValueError(f"{name} is 0")
    return seconds
