from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madang.core.datadir import DataDir
from madang.core.errors import ConflictError, InvalidInputError, Place
from madang.project import (
    ProjectEditor,
    ProjectError,
    ProjectFollower,
    ProjectPublisher,
    StreamSpec,
    load_project,
    stream_from_json,
    write_stream,
)


def test_only_what_differs_from_the_defaults_is_written(tmp_path: Path) -> None:
    spec = stream_from_json(
        "orders",
        {
            "partitions": 4,
            "retention": {"age": 1_209_600, "size": "10GiB"},
            "columns": {"id": "long"},
            "deliver": {"buffer_time": 0.25},
        },
    )
    written = write_stream(tmp_path, spec)
    assert written.created
    assert written.yaml == (
        "format: json\npartitions: 4\ncolumns:\n  id: long\nretention:\n  age: 14d\n"
        "deliver:\n  buffer_time: 250ms\n"
    )
    assert load_project(tmp_path).streams["orders"] == spec
    assert not write_stream(tmp_path, spec).changed


def test_an_empty_spec_makes_a_file_that_loads(tmp_path: Path) -> None:
    written = write_stream(tmp_path, stream_from_json("orders", {}))
    assert written.yaml == "format: json\n"
    assert load_project(tmp_path).streams["orders"] == StreamSpec(name="orders")


def test_comments_and_order_stay(tmp_path: Path) -> None:
    (tmp_path / "streams").mkdir()
    file = tmp_path / "streams" / "orders.yml"
    file.write_text(
        "# Orders of the shop\npartitions: 2  # one per till\nformat: json\n"
        "retention:\n  age: 7d # default\n  size: 1GiB\n"
    )
    spec = stream_from_json("orders", {"partitions": 3, "retention": {"size": "2GiB"}})
    assert write_stream(tmp_path, spec).file == file
    assert file.read_text() == (
        "# Orders of the shop\npartitions: 3  # one per till\nformat: json\n"
        "retention:\n  age: 7d # default\n  size: 2GiB\n"
    )
    assert load_project(tmp_path).streams["orders"] == spec


def test_a_broken_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "streams").mkdir()
    file = tmp_path / "streams" / "orders.yml"
    file.write_text("partitons: 2\n")
    with pytest.raises(ConflictError, match="broken"):
        write_stream(tmp_path, StreamSpec(name="orders"))
    assert file.read_text() == "partitons: 2\n"


@pytest.mark.parametrize("name", ["../x", "a/b", "system", "", ".", "X", "a" * 64, "a\0"])
def test_a_name_never_becomes_another_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInputError):
        stream_from_json(name, {})
    with pytest.raises(InvalidInputError):
        write_stream(tmp_path, StreamSpec().model_copy(update={"name": name}))
    assert list(tmp_path.iterdir()) == []


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "p" / "streams").mkdir(parents=True)
    (tmp_path / "out.yml").write_text("format: json\n")
    (tmp_path / "p" / "streams" / "orders.yml").symlink_to(tmp_path / "out.yml")
    with pytest.raises(ConflictError):
        write_stream(tmp_path / "p", stream_from_json("orders", {"partitions": 2}))
    assert (tmp_path / "out.yml").read_text() == "format: json\n"


def test_a_stream_that_would_break_the_project_is_not_written(tmp_path: Path) -> None:
    write_stream(tmp_path, stream_from_json("a", {}))
    with pytest.raises(ProjectError, match=r"filled by streams/a\.yml"):
        write_stream(tmp_path, stream_from_json("b", {"deliver": {"table": "lake.a"}}))
    assert not (tmp_path / "streams" / "b.yml").exists()


def test_every_wrong_field_of_a_request_is_named() -> None:
    with pytest.raises(ProjectError) as caught:
        stream_from_json("a", {"partitons": 1, "key": 5, "retention": {"age": -1}})
    assert [one.message for one in caught.value.problems] == [
        "key: 5 is not text",
        "retention.age: -1 is out of range",
        "unknown key 'partitons'",
    ]


def test_the_editor_publishes_at_once(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    editor = ProjectEditor(tmp_path, data)
    editor.write_stream("orders", {})
    assert b'"orders"' in data.published_project.read_bytes()
    assert editor.errors() == []


def names(data: DataDir) -> set[str]:
    return {name for name in ProjectFollower(data).current().streams if "." not in name}


def test_a_stream_opens_while_another_file_is_broken(tmp_path: Path) -> None:
    data = DataDir(tmp_path / "data")
    editor = ProjectEditor(tmp_path, data)
    editor.write_stream("orders", {})
    orders = tmp_path / "streams" / "orders.yml"
    orders.write_text("partitons: 2\n")
    written = editor.write_stream("more", {"format": "plain"})
    assert [one.where for one in written.elsewhere] == [Place("streams/orders.yml", 1, 1)]
    assert names(data) == {"orders", "more"}
    assert [error.message for error in editor.errors()] == ["unknown key 'partitons'"]
    version = ProjectFollower(data).current().version
    # What the watch does next keeps it, and so does a change of it.
    assert not ProjectPublisher(tmp_path, data).publish().changed
    editor.write_stream("more", {"format": "plain", "partitions": 2})
    assert ProjectFollower(data).current().streams["more"].partitions == 2
    assert ProjectFollower(data).current().version != version
    orders.write_text("partitions: 2\n")
    assert ProjectPublisher(tmp_path, data).publish().errors == ()
    assert names(data) == {"orders", "more"}


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("more", {"deliver": {"table": "lake.orders"}}, "is filled by orders now"),
        ("wide", {"partitions": 1}, "2 cannot become 1"),
        ("wide", {"partitions": 2, "format": "typed"}, "json cannot become typed"),
        ("metrics", {"format": "json"}, "typed"),
    ],
)
def test_a_stream_must_fit_what_runs_while_another_file_is_broken(
    tmp_path: Path, name: str, fields: dict[str, object], message: str
) -> None:
    data = DataDir(tmp_path / "data")
    editor = ProjectEditor(tmp_path, data)
    editor.write_stream("orders", {})
    editor.write_stream("wide", {"partitions": 2})
    editor.write_stream("metrics", {"format": "typed"})
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "host.yml").write_text("kind: host\nstream: metrics\n")
    assert ProjectPublisher(tmp_path, data).publish().errors == ()
    (tmp_path / "streams" / "orders.yml").unlink()
    (tmp_path / "streams" / "orders.yml").write_text("partitons: 2\n")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.yml")}
    with pytest.raises(ProjectError, match=message):
        editor.write_stream(name, fields)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.yml")} == before


def test_without_a_good_state_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "streams").mkdir()
    (tmp_path / "streams" / "broken.yml").write_text("a: b\n")
    editor = ProjectEditor(tmp_path, DataDir(tmp_path / "data"))
    with pytest.raises(ProjectError, match=r"nothing was written.*broken\.yml: unknown key 'a'"):
        editor.write_stream("more", {})
    assert not (tmp_path / "streams" / "more.yml").exists()


SENT = b"""{
  "description": "\\u00fc \\/ \\ud83d\\ude00",
  "retention": {
\t"age": -1
  }, "partitons": 1,
  "format": "xml"
}"""


def test_errors_carry_the_lines_of_what_was_sent(tmp_path: Path) -> None:
    editor = ProjectEditor(tmp_path, DataDir(tmp_path / "data"))
    with pytest.raises(ProjectError) as caught:
        editor.write_stream("a", json.loads(SENT), sent=SENT)
    assert [(one.message, one.where.line, one.where.column) for one in caught.value.problems] == [
        ("format: 'xml' is not known", 6, 13),
        ("retention.age: -1 is out of range", 4, 9),
        ("unknown key 'partitons'", 5, 6),
    ]
    assert {one.where.name for one in caught.value.problems} == {"body"}
    assert caught.value.where == Place("body", 6, 13)


def test_errors_found_later_carry_the_lines_of_what_was_sent_too(tmp_path: Path) -> None:
    editor = ProjectEditor(tmp_path, DataDir(tmp_path / "data"))
    editor.write_stream("a", {})
    sent = b'{"format": "json",\n "deliver":\n  {"table": "lake.a"}}'
    with pytest.raises(ProjectError, match="filled by") as caught:
        editor.write_stream("b", json.loads(sent), sent=sent)
    assert caught.value.where == Place("body", 3, 13)


@pytest.mark.parametrize("sent", [b"[" * 60, b"\xff", b'{"a": "\x01"}', b""])
def test_text_whose_places_are_not_known_gives_none(tmp_path: Path, sent: bytes) -> None:
    with pytest.raises(ProjectError) as caught:
        stream_from_json("a", {"partitons": 1}, sent)
    assert caught.value.where == Place("streams/a.yml")


def test_a_contract_in_a_file_stays_in_its_file(tmp_path: Path) -> None:
    (tmp_path / "streams").mkdir()
    (tmp_path / "orders.json").write_text('{"type": "object"}')
    file = tmp_path / "streams" / "orders.yml"
    file.write_text("contract:\n  schema: orders.json\n")
    spec = load_project(tmp_path).streams["orders"]
    assert not write_stream(tmp_path, spec).changed
    write_stream(tmp_path, spec.model_copy(update={"partitions": 2}))
    assert file.read_text() == "contract:\n  schema: orders.json\npartitions: 2\n"


PLAIN = st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), max_size=12)
TRICKY = [
    "no",
    "null",
    "~",
    "1e3",
    "0x1f",
    "007",
    "12:30",
    "<<",
    "=",
    "!x",
    "&a",
    "*a",
    "#",
    "2026-01-01",
    ".5",
    "+1",
    "1_000",
    "True",
    ".nan",
    "-",
    "?",
    "\ufeff",
    "\x85",
    "\u2028",
]
WORDS = PLAIN | st.sampled_from([*TRICKY, "- a", "a: b", "a #b"])


@settings(max_examples=150, deadline=None)
@given(description=WORDS, owner=WORDS, key=st.none() | WORDS, column=WORDS)
def test_any_text_comes_back_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    description: str,
    owner: str,
    key: str | None,
    column: str,
) -> None:
    directory = tmp_path_factory.mktemp("project")
    fields = {"description": description, "owner": owner, "key": key, "columns": {column: "long"}}
    try:
        written = write_stream(directory, stream_from_json("a", fields))
    except (ProjectError, ConflictError):
        return
    assert load_project(directory).streams["a"] == written.spec


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(WORDS, below, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(field=st.sampled_from(sorted(StreamSpec.model_fields)), value=JSON)
def test_any_json_is_taken_or_refused_with_reasons(field: str, value: object) -> None:
    try:
        stream_from_json("a", {field: value})
    except ProjectError as error:
        assert error.problems


def test_of_two_writers_that_want_one_table_one_gets_it(tmp_path: Path) -> None:
    editor = ProjectEditor(tmp_path, DataDir(tmp_path / "data"))

    def write(name: str) -> bool:
        try:
            editor.write_stream(name, {"deliver": {"table": "lake.same"}})
        except ProjectError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(write, [f"s{number}" for number in range(16)])) == 1
    assert load_project(tmp_path)
