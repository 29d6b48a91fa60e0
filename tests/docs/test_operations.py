"""The page for operators knows every problem that status tells, and names metrics that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import madang.operate.health as health

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
ROLES = ("serve", "collect", "deliver", "metrics", "query")


def codes() -> set[str]:
    """The codes that `health` gives to problems."""
    tree = ast.parse(Path(health.__file__).read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Problem":
            code = node.args[0]
            if isinstance(code, ast.Constant):
                found.add(str(code.value))
            else:  # f"role_{…}"
                found |= {f"role_{role}" for role in ROLES}
    return found


def test_every_problem_has_its_row() -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    assert len(codes()) > 8
    assert codes() - rows == set()


def test_expressions_name_metrics_that_there_are() -> None:
    source = "".join(
        (ROOT / f"src/madang/{name}.py").read_text(encoding="utf-8")
        for name in ("server/metrics", "server/flow_metrics", "operate/metrics_telemetry")
    )
    known = set(re.findall(r'"(madang_\w+)"', source))
    known |= {f"{name}{end}" for name in known for end in ("_total", "_count", "_bucket", "_sum")}
    named = set(re.findall(r"\bmadang_\w+", PAGE))
    assert len(named) > 5
    assert named - known == set()
