"""The examples of the API's reference: each operation has one, and each can be run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest

from madang.server.app import describe
from madang.server.examples import Example, examples
from madang.testing.running_platform import TOKEN, RunningPlatform, write_project

_NAMES = ("id", "query_id")
"""Fields whose values later examples name: the real ones are put in their place."""


def operations() -> dict[str, dict[str, Any]]:
    paths = describe().openapi()["paths"]
    return {
        f"{method.upper()} {path}": operation
        for path, methods in paths.items()
        for method, operation in methods.items()
    }


def test_each_operation_has_an_example_and_each_example_an_operation() -> None:
    assert sorted(operations()) == sorted(examples())


def test_answers_have_the_shapes_that_the_document_says() -> None:
    document = describe().openapi()
    for name, operation in operations().items():
        example = examples()[name]
        if example.answer is None:
            continue
        content = operation["responses"][str(example.status)]["content"]
        schema = content["application/json"]["schema"]
        parts = {"components": _shortened(document["components"])}
        try:
            jsonschema.validate(example.answer, {**schema, **parts})
        except jsonschema.ValidationError as error:
            pytest.fail(f"{name}: {error.json_path}: {error.message}")


def _shortened(schema: Any) -> Any:
    """The schema of shortened answers: fields may be left out, but none may be invented."""
    if isinstance(schema, list):
        return [_shortened(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: _shortened(one) for name, one in schema.items() if name != "required"}
    if "properties" in found and found.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found


def test_a_command_is_one_that_a_shell_reads_as_it_was_meant() -> None:
    example = Example(url="/a?b=1&c=2", status=200, body="it's", headers={"X-A": "b c"})
    assert example.curl("PUT") == (
        "curl -X PUT 'localhost:8080/a?b=1&c=2' -H \"Authorization: Bearer $MADANG_TOKEN\" "
        "-H 'X-A: b c' --data-binary 'it'\"'\"'s'"
    )


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    base = tmp_path_factory.mktemp("examples")
    project = write_project(
        base / "project", {"madang.yml": "name: home\ntime_zone: Asia/Seoul\nquery: {workers: 1}\n"}
    )
    with RunningPlatform(project, base / "data") as running:
        yield running


def test_the_examples_run_one_after_the_other(platform: RunningPlatform) -> None:
    real: dict[str, str] = {}
    with httpx.Client(base_url=platform.url, timeout=30) as browser:
        for name, example in examples().items():
            method, _, path = name.partition(" ")
            if path == "/login" or "my-long-query" in example.url:
                continue  # names a code, or a query, that was never made here
            if path == "/api/queries":  # so that what follows sees tables and dead letters
                platform.wait_for(lambda: platform.delivered("orders"))
            said = _ask(browser, method, example, real)
            assert said[0] == example.status, (name, said)
            if example.answer is not None:
                real |= {
                    example.answer[one]: said[1][one] for one in _NAMES if one in example.answer
                }
                _alike(example.answer, said[1], name)
            elif example.text:
                assert example.text.split("\n")[0].split("{")[0] in said[2]


def _ask(
    browser: httpx.Client, method: str, example: Example, real: dict[str, str]
) -> tuple[int, Any, list[str]]:
    url = example.url
    for shown, value in real.items():
        url = url.replace(shown, value)
    headers = dict(example.headers)
    if example.signed == "token":
        headers["Authorization"] = f"Bearer {TOKEN}"
    if url.endswith("/tail"):
        with browser.stream(method, url, headers=headers) as answer:
            return answer.status_code, None, example.text.split("\n")[:1]
    answer = browser.request(method, url, content=example.body.encode(), headers=headers)
    is_json = "json" in answer.headers.get("content-type", "")
    lines = [line.split("{")[0] for line in answer.text.split("\n")]
    return answer.status_code, answer.json() if is_json and answer.content else None, lines


def _alike(shown: Any, real: Any, where: str) -> None:
    """What an example shows is there, of the same type; also of every item of a list."""
    if isinstance(shown, dict):
        assert isinstance(real, dict), where
        for name, value in shown.items():
            assert name in real or name.startswith("madang.") or not value, f"{where}: {name}"
            if name in real:
                _alike(value, real[name], f"{where}: {name}")
    elif isinstance(shown, list) and shown and isinstance(shown[0], dict | list):
        assert real or "problems" in where, where
        for one in real:
            if len(shown) == 1:
                _alike(shown[0], one, where)
    elif shown is not None and real is not None:
        assert type(shown) is type(real) or {type(shown), type(real)} == {int, float}, where
