"""A stream needs nothing but its file."""

from __future__ import annotations

from madang.project import load_project


def test_an_empty_mapping_is_a_stream_with_the_defaults(tmp_path):
    (tmp_path / "streams").mkdir()
    (tmp_path / "madang.yml").write_text("{}\n")
    (tmp_path / "streams/hello.yml").write_text("{}\n")
    project = load_project(tmp_path)
    assert project.streams["hello"].table == "lake.hello"
