"""Where the cases of others lie: beside this repository, or where ``MADANG_CONFORMANCE`` says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CASES = Path(os.environ.get("MADANG_CONFORMANCE", ROOT.parent / "shared" / "conformance"))


def needs(folder: str) -> pytest.MarkDecorator:
    """Skip, visibly, where the cases in ``folder`` are not there."""
    return pytest.mark.skipif(not (CASES / folder).is_dir(), reason=f"no cases at {CASES / folder}")
