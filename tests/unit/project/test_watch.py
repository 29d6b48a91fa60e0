"""What a look at the project directory notices."""

from pathlib import Path

from madang.project.watch import fingerprint


def test_a_link_to_nothing_hides_no_change_beside_it(tmp_path: Path) -> None:
    streams = tmp_path / "streams"
    streams.mkdir()
    (streams / "a.yml").symlink_to(tmp_path / "gone.yml")
    for name in "bcd":
        (streams / f"{name}.yml").write_text("format: json\n")
    before = fingerprint(tmp_path)
    for name in "bcd":
        (streams / f"{name}.yml").write_text("format: plain # longer\n")
        after = fingerprint(tmp_path)
        assert after != before
        before = after
    (streams / "a.yml").unlink()
    assert fingerprint(tmp_path) != before
