"""Prometheus's own tests of PromQL: which of their evaluations come out as they say."""

from __future__ import annotations

from collections import Counter

import pytest

from conformance.cases import CASES, needs
from conformance.promql_run import run
from conformance.promql_script import read

pytestmark = needs("promql")

# Per script: passed, waiting (for native histograms), not parsed, failed.
# The first number may only rise, the others only fall.
EXPECTED = {
    "aggregators": (154, 6, 0, 0),
    "at_modifier": (78, 0, 0, 0),
    "collision": (2, 0, 0, 0),
    "duration_expression": (8, 0, 51, 0),
    "extended_vectors": (30, 4, 135, 0),
    "fill-modifier": (46, 0, 0, 0),
    "functions": (399, 32, 0, 0),
    "histograms": (94, 91, 0, 0),
    "info": (48, 0, 5, 0),
    "limit": (31, 6, 0, 0),
    "literals": (25, 0, 0, 0),
    "name_label_dropping": (30, 0, 0, 0),
    "native_histograms": (20, 486, 16, 0),
    "operators": (206, 8, 0, 0),
    "range_queries": (17, 1, 0, 0),
    "selectors": (31, 0, 0, 0),
    "staleness": (17, 0, 0, 0),
    "start_timestamps": (18, 8, 0, 0),
    "subquery": (32, 2, 0, 0),
    "trig_functions": (19, 0, 0, 0),
    "type_and_unit": (58, 0, 0, 0),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_evaluations_come_out_as_the_script_says(name, record_property):
    outcomes = list(run(read(CASES / "promql" / f"{name}.test")))
    counts = Counter(outcome.state for outcome in outcomes)
    found = tuple(counts[state] for state in ("passed", "waits", "unparsed", "failed"))
    for outcome in outcomes:
        if outcome.state != "passed":
            print(f"{name}.test:{outcome.state}:{outcome}")
    reasons = Counter(outcome.reason for outcome in outcomes if outcome.state == "waits")
    said = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    waiting = ", ".join(f"{count} for {reason}" for reason, count in reasons.items())
    record_property("counted", f"{said}{f' ({waiting})' if waiting else ''}")
    assert found == EXPECTED[name]


def test_every_script_is_run():
    assert {path.stem for path in (CASES / "promql").glob("*.test")} == set(EXPECTED)
