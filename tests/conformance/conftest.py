"""Counts of what was held against the cases of others, printed at the end of a run."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say per test what it counted (``record_property("counted", …)``)."""
    lines = [
        f"{report.nodeid.partition('::')[2]}: {value}"
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, value in report.user_properties
        if name == "counted"
    ]
    if lines:
        terminalreporter.section("cases of others")
        for line in lines:
            terminalreporter.write_line(line)
