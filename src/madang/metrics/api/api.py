"""Prometheus's HTTP API, without the HTTP: an endpoint and parameters in, an answer out."""

from __future__ import annotations

from collections.abc import Callable

from madang.core.clock import Clock, SystemClock
from madang.core.errors import MadangError
from madang.metrics.api.answers import Answer, failed, in_words
from madang.metrics.api.federate import Federation
from madang.metrics.api.knowledge import Knowledge
from madang.metrics.api.params import Pairs, Params, check_text
from madang.metrics.api.query_texts import format_query, parse_query
from madang.metrics.api.rule_endpoints import RuleEndpoints
from madang.metrics.api.sample_endpoints import SampleEndpoints
from madang.metrics.api.status_endpoints import StatusEndpoints
from madang.metrics.api.target_endpoints import TargetEndpoints
from madang.metrics.promql import Budget, Options
from madang.metrics.storage import SampleStorage

_VALUES = "/values"


class PrometheusApi:
    """Answers requests from a storage; thread-safe as far as the storage is.

    Args:
        storage: Where the samples are.
        options: Settings and limits of queries.
        clock: What "now" is.
        knowledge: Where targets, rules and settings are learned; nothing of them by default.
    """

    def __init__(
        self,
        storage: SampleStorage,
        *,
        options: Options | None = None,
        clock: Clock | None = None,
        knowledge: Knowledge | None = None,
    ) -> None:
        self._options = options or Options()
        clock, knowledge = clock or SystemClock(), knowledge or Knowledge()
        self._samples = SampleEndpoints(storage, clock)
        self._federation = Federation(storage, clock, knowledge)
        self._endpoints: dict[str, Callable[[Params], Answer]] = {
            **self._samples.endpoints(),
            **TargetEndpoints(storage, clock, knowledge).endpoints(),
            **RuleEndpoints(knowledge).endpoints(),
            **StatusEndpoints(clock, knowledge).endpoints(),
            "format_query": format_query,
            "parse_query": parse_query,
        }

    def answer(self, endpoint: str, pairs: Pairs, *, budget: Budget | None = None) -> Answer | None:
        """Answer a request.

        Args:
            endpoint: What follows ``/api/v1/``, such as ``query`` or ``label/job/values``.
            pairs: The parameters, each with its value; bytes that are not UTF-8 may come as
                lone surrogates and are refused.
            budget: What the request may cost; its options take the place of the API's. It counts
                what was read, and can end the evaluation.

        Returns:
            None where there is no such endpoint here.
        """
        try:
            params = Params.of(pairs, budget or Budget(self._options))
            if endpoint.startswith("label/") and endpoint.endswith(_VALUES):
                name = endpoint[len("label/") : -len(_VALUES)]
                check_text(name, "label name")
                return self._samples.label_values(name, params)
            found = self._endpoints.get(endpoint)
            return None if found is None else found(params)
        except MadangError as error:
            return failed(error)

    def federate(self, pairs: Pairs, *, budget: Budget | None = None, accept: str = "") -> Answer:
        """The answer of ``/federate``: a page to scrape, as ``accept`` asks; errors are text."""
        try:
            return self._federation.answer(
                Params.of(pairs, budget or Budget(self._options)), accept
            )
        except MadangError as error:
            return in_words(error)
