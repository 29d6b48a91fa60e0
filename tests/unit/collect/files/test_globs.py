import os

import pytest

from madang.collect.files.globs import GlobSet

LATER_NS = 2_000_000_000_000_000_000


@pytest.fixture
def tree(tmp_path):
    for name in ("a.log", "a.txt", ".hidden.log", "d/b.log", "d/e/c.log", ".git/x.log"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "link").symlink_to(tmp_path / "d", target_is_directory=True)
    return tmp_path


def names(tree, *paths, exclude=()):
    globs = GlobSet(tuple(f"{tree}/{path}" for path in paths), exclude)
    return [os.path.relpath(path, tree) for path in globs.files(LATER_NS)]


@pytest.mark.parametrize(
    ("glob", "expected"),
    [
        ("*.log", ["a.log"]),
        ("**/*.log", ["a.log", "d/b.log", "d/e/c.log"]),
        ("**", ["a.log", "a.txt", "d/b.log", "d/e/c.log"]),
        ("d/**", ["d/b.log", "d/e/c.log"]),
        ("*/*.log", ["d/b.log", "link/b.log"]),
        (".*.log", [".hidden.log"]),
        ("a.log", ["a.log"]),
        ("[ab].?og", ["a.log"]),
        ("missing/*.log", []),
        ("d", []),
    ],
)
def test_globs_match_as_a_shell_does(tree, glob, expected):
    assert names(tree, glob) == expected


@pytest.mark.parametrize(
    ("exclude", "expected"),
    [
        ("a.*", ["d/b.log", "d/e/c.log"]),
        ("{tree}/d/**", ["a.log", "a.txt"]),
        ("{tree}/**/c.log", ["a.log", "a.txt", "d/b.log"]),
    ],
)
def test_exclusions(tree, exclude, expected):
    assert names(tree, "**", exclude=(exclude.format(tree=tree),)) == expected


def test_a_file_of_two_globs_comes_once(tree):
    assert names(tree, "*.log", "a.*") == ["a.log", "a.txt"]


def test_folders_are_read_again_only_when_they_changed(tree, monkeypatch):
    globs = GlobSet((f"{tree}/**/*.log",))
    globs.files(LATER_NS)
    read = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda path: (read.append(path), scandir(path))[1])
    assert globs.files(LATER_NS) is globs.files(LATER_NS)
    assert read == []
    (tree / "d" / "new.log").touch()
    assert f"{tree}/d/new.log" in globs.files(LATER_NS)
    assert read == [f"{tree}/d"]


def test_a_folder_that_just_changed_is_read_again(tree):
    globs = GlobSet((f"{tree}/*.log",))
    now_ns = tree.stat().st_mtime_ns
    globs.files(now_ns)
    (tree / "same_tick.log").touch()
    os.utime(tree, ns=(now_ns, now_ns))
    assert f"{tree}/same_tick.log" in globs.files(now_ns)
