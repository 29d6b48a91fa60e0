"""What files and servers may say about targets, and may not."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madang.collect.scrape.discovery import Discovery
from madang.project.scrape_spec import GlobalSpec, ScrapeJobSpec


def looked(folder, *files: str) -> Discovery:
    spec = {"job_name": "a", "file_sd_configs": [{"files": [f"{folder}/{one}" for one in files]}]}
    made = Discovery(ScrapeJobSpec.model_validate(spec).over(GlobalSpec()), lambda: None)
    made.look()
    return made


GROUPS = '[{"targets": ["a:1", "b:2"], "labels": {"x": "1.10"}}, {"targets": []}]'
YAML = """\
# Ours.
---
- targets: [a:1, "b:2"]
  labels: {x: 1.10}
- targets:
"""


@pytest.mark.parametrize(
    ("file", "text"), [("f.json", GROUPS), ("f.yml", YAML), ("f.YAML", GROUPS)]
)
def test_files_of_both_kinds(tmp_path, file, text):
    (tmp_path / file).write_text(text)
    made = looked(tmp_path, file)
    assert made.problems == {}
    assert list(made.targets()) == [
        {"x": "1.10", "__address__": address, "__meta_filepath": str(tmp_path / file)}
        for address in ("a:1", "b:2")
    ]


def test_a_glob_and_a_file_that_is_not_there(tmp_path):
    for name in ("b.json", "a.json"):
        (tmp_path / name).write_text(json.dumps([{"targets": [name]}]))
    found = [one["__address__"] for one in looked(tmp_path, "*.json", "no.yml").targets()]
    assert found == ["a.json", "b.json"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "not a list of groups"),
        ("[1]", "group 0 is not a mapping"),
        ('[{"targets": "a:1"}]', "targets is not a list"),
        ('[{"targets": [1]}]', "targets is not a list of text"),
        ('[{"targets": [], "labels": {"a": 1}}]', "labels is not a mapping to text"),
        ('[{"targets": [], "lables": {}}]', "unknown key 'lables'"),
        ('[{"targets": ["a"]}', "unexpected"),
        ("", "empty document"),
        ("[" * 100_000, ""),
        ('["\udcff"]', ""),
    ],
)
def test_files_that_say_something_else(tmp_path, text, said):
    (tmp_path / "f.json").write_text(text, errors="surrogateescape")
    made = looked(tmp_path, "f.json")
    assert list(made.targets()) == []
    ((_, problem),) = made.problems.items()
    assert "f.json" in problem
    assert said in problem.lower() or said in problem


def test_a_broken_yaml_file_is_told_by_its_line(tmp_path):
    (tmp_path / "f.yml").write_text("- targets: [a]\n- targets: [b\n")
    ((_, problem),) = looked(tmp_path, "f.yml").problems.items()
    assert "f.yml:" in problem


def test_what_is_no_plain_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "large.json").write_bytes(b" " * (17 * 2**20))
    (tmp_path / "self.json").symlink_to(tmp_path / "self.json")
    problems = " ".join(looked(tmp_path, "*.json").problems.values())
    for said in ("not a plain file", "is a directory", "larger than 16 MiB", "symbolic links"):
        assert said in problems.lower() or said in problems


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["targets", "labels", "x"]), inner, max_size=3)
    ),
)


@settings(deadline=None, max_examples=150)
@given(ANY)
def test_any_json_gives_targets_of_text_or_a_problem(tmp_path_factory, value):
    folder = tmp_path_factory.mktemp("any")
    (folder / "f.json").write_text(json.dumps(value))
    made = looked(folder, "f.json")
    found = list(made.targets())
    assert not (found and made.problems)
    assert all(isinstance(part, str) for one in found for pair in one.items() for part in pair)
