"""Which of Prometheus's features are there, as ``/api/v1/features`` tells it."""

from __future__ import annotations

from madang.metrics.promql import Options

_API = {
    "admin": False,
    "exclude_alerts": True,
    "label_values_match": True,
    "lifecycle": False,
    "openapi_3.1": False,
    "openapi_3.2": False,
    "otlp_write_receiver": True,
    "query_stats": True,
    "query_warnings": True,
    "remote_write_receiver": True,
    "search": False,
    "time_range_labels": True,
    "time_range_series": True,
}
_LANGUAGE = {
    "anchored": False,
    "at_modifier": True,
    "bool": True,
    "by": True,
    "duration_expr": False,
    "group_left": True,
    "group_right": True,
    "ignoring": True,
    "negative_offset": True,
    "offset": True,
    "on": True,
    "per_query_lookback_delta": True,
    "per_step_stats": False,
    "smoothed": False,
    "subqueries": True,
    "without": True,
}


def features_of(options: Options) -> dict[str, dict[str, bool]]:
    """Features by category, each with whether it is switched on."""
    return {
        "api": _API,
        "prometheus": {"agent_mode": False, "auto_reload_config": True, "server_mode": True},
        "promql": {
            **_LANGUAGE,
            "delayed_name_removal": options.delayed_name_removal,
            "experimental_functions": options.experimental,
            "fill": True,
            "fill_left": True,
            "fill_right": True,
            "type_and_unit_labels": options.typed_labels,
        },
        "tsdb": {"exemplar_storage": False, "native_histograms": True},
    }
