"""Ctrl-C for all; of the property tests as many examples as a quick run bears, or more."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

_QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
settings.register_profile("short", max_examples=25, deadline=None, suppress_health_check=_QUIET)
settings.load_profile("short")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell that runs this in the background ignores Ctrl-C, and so would what tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every property test ``MADANG_FUZZ`` times its examples, also where it names a number."""
    factor = int(os.environ.get("MADANG_FUZZ", "1"))
    if factor == 1:
        return
    os.environ.setdefault("MADANG_MODEL_EXAMPLES", str(40 * factor))
    done: set[object] = set()
    for item in items:
        if not isinstance(item, pytest.Function) or not hasattr(item.obj, "is_hypothesis_test"):
            continue
        # The parameters of a test share its function, the cases of a model its class.
        shared = item.cls if isinstance(getattr(item.cls, "settings", None), settings) else None
        if (shared or item.function) in done:
            continue
        done.add(shared or item.function)
        # Where `settings` leaves what it was given; there is no public way to change it later.
        own = getattr(item.obj, "_hypothesis_internal_use_settings", None)
        if own is not None:
            more = settings(own, max_examples=own.max_examples * factor)
            item.function._hypothesis_internal_use_settings = more
        elif isinstance(known := getattr(item.cls, "settings", None), settings):
            item.cls.settings = settings(known, max_examples=known.max_examples * factor)
