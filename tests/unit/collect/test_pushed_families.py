from __future__ import annotations

from madang.collect.families_file import MOST_FAMILIES, read_metadata, write_families
from madang.collect.pushed import FamilyMetadata
from madang.collect.pushed_families import PushedFamilies


def test_what_was_said_last_is_kept_over_restarts(tmp_path):
    folder = tmp_path / "pushed-metrics"
    families = PushedFamilies(folder)
    families.note([FamilyMetadata("a", "counter", "As.", "bytes"), FamilyMetadata("b", "gauge")])
    families.note([FamilyMetadata("a", "gauge", "x" * 5000)])
    assert families.changed
    families.write(families.take())
    assert not families.changed
    again = PushedFamilies(folder)
    again.note([FamilyMetadata("b", "gauge")])
    assert not again.changed
    write_families(tmp_path / "scraped", {"c": {"type": "info", "unit": "", "help": ""}})
    assert read_metadata(tmp_path) == {
        "a": {"type": "gauge", "unit": "", "help": "x" * 1000},
        "b": {"type": "gauge", "unit": "", "help": ""},
        "c": {"type": "info", "unit": "", "help": ""},
    }


def test_names_without_end_are_bounded_and_broken_files_passed_over(tmp_path):
    families = PushedFamilies(tmp_path)
    families.note(FamilyMetadata(f"m{n}", "gauge") for n in range(MOST_FAMILIES + 10))
    assert len(families.take()) == MOST_FAMILIES
    (tmp_path / "metadata.json").write_bytes(b"{")
    assert PushedFamilies(tmp_path).take() == {}
