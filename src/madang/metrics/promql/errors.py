"""What can go wrong with a query."""

from __future__ import annotations

from madang.core.errors import InvalidInputError, MadangError


class BadQueryError(InvalidInputError):
    """The query is not PromQL, or uses what is not switched on; the data does not matter."""

    code = "bad_query"
    status = 400


class QueryFailedError(MadangError):
    """The query cannot be answered over this data: ambiguous matches, too much."""

    code = "query_failed"
    status = 422


class NativeHistogramError(QueryFailedError):
    """The query reads native histograms, which cannot be evaluated yet."""

    code = "native_histogram"
