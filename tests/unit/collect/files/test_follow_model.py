"""Any order of what writers and rotators do, with crashes between: each line once, in order."""

import gzip
import importlib.util
import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from madang.collect.files.identity import HEAD_BYTES

_spec = importlib.util.spec_from_file_location(
    "collect_follow", Path(__file__).parent / "follow.py"
)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)


def _packed(path: Path) -> Path:
    return path.with_name(path.name + ".gz")


class Rotated(RuleBasedStateMachine):
    """``whole`` are the lines that were finished, by generation; ``open_line`` what is left open.

    ``at_risk`` was written between a copy and the truncation: whoever rotates like that loses it,
    unless the follower looked in between. ``emptied`` was truncated since the last look; where
    the follower is ``blind``, because it was restarted since then, it has no descriptor of it.
    """

    @initialize(
        banner=st.sampled_from(["", "started\n", "long"]),
        named=st.sampled_from(["app.log.{}", "app.{}.log"]),
    )
    def begin(self, banner, named):
        self.folder = Path(tempfile.mkdtemp())
        self.follow = _module.Follow(self.folder, memory=True, batch_size=512)
        self.log = self.follow.logs / "app.log"
        self.banner = "=" * 1500 + "\n" if banner == "long" else banner
        self.named = named
        self.number = 0
        self.rotations = 0
        self.whole: list[list[str]] = [[]]
        self.open_line = ""
        self.abandoned: list[str] = []
        self.at_risk: list[str] = []
        self.copied = False
        self.blind = False
        self.emptied: set[int] = set()

    def _look(self, after_s=0.0) -> None:
        self.follow.poll(after_s=after_s)
        self.blind = False
        self.emptied.clear()

    def _crash(self) -> None:
        self.follow.crash()
        self.blind = True

    def _look_and_be_killed(self, moment: int) -> None:
        self.blind = self.follow.killed_after(moment)
        if not self.blind:
            self.emptied.clear()

    def _write(self, text: str) -> None:
        if self.banner and (not self.log.exists() or self.log.stat().st_size == 0):
            text = self.banner + text
        with self.log.open("a") as file:
            file.write(text)
        lines = (self.open_line + text).split("\n")
        self.open_line = lines.pop()
        self.whole[-1] += lines

    def _new_generation(self) -> None:
        if self.open_line:
            self.abandoned.append(self.open_line)
        self.open_line = ""
        self.whole.append([])

    def _rotated(self) -> list[Path]:
        there = {path for path in self.follow.logs.iterdir() if path.suffix != ".gz"}
        return sorted(there - {self.log})

    def _next_name(self) -> Path:
        self.rotations += 1
        return self.follow.logs / self.named.format(self.rotations)

    @precondition(lambda self: not self.copied)
    @rule(count=st.integers(1, 30), width=st.sampled_from([1, 40, 700]), left_open=st.booleans())
    def write(self, count, width, left_open):
        text = ""
        for _ in range(count):
            self.number += 1
            text += f"{self.number} {'x' * width}\n"
        if left_open:
            self.number += 1
            text += f"{self.number} open"
        self._write(text)

    @precondition(lambda self: not self.copied and self.log.exists())
    @rule()
    def rename(self):
        self.log.rename(self._next_name())
        self._new_generation()

    @precondition(lambda self: not self.copied and self.log.exists() and self.log.stat().st_size)
    @rule(pieces=st.sampled_from([1, 1, 2, 5]), empty_first=st.booleans())
    def copy(self, pieces, empty_first):
        copy = self._next_name()
        if empty_first:
            copy.touch()
            self._look()
        text = self.log.read_bytes()
        for piece in range(pieces):
            if piece:
                self._look()
            with copy.open("ab") as file:
                file.write(text[len(text) * piece // pieces : len(text) * (piece + 1) // pieces])
        self.copied, self.wrote_too_late = True, False

    @precondition(lambda self: self.copied and not self.open_line and not self.wrote_too_late)
    @rule(count=st.integers(1, 3))
    def write_too_late(self, count):
        self.wrote_too_late = True
        for _ in range(count):
            self.number += 1
            line = f"{self.number} too late"
            with self.log.open("a") as file:
                file.write(line + "\n")
            self.at_risk.append(line)

    @precondition(lambda self: self.copied)
    @rule()
    def truncate(self):
        os.truncate(self.log, 0)
        self.emptied.add(self.log.stat().st_ino)
        self._new_generation()
        self.copied = False

    def _cannot_be_told(self, path: Path) -> bool:
        """Whether it takes a look before ``path`` goes away to tell its copy from another file.

        A short file was copied and truncated while nobody looked, and the emptied one goes away
        too. What is left are bytes that were read of a file that is gone, and a file with another
        inode that begins with them. That is just what a rotation of files with the same few lines
        leaves where the older one was deleted: the follower counts the lines again, because else
        it would lose them there.
        """
        if not self.blind or path.stat().st_ino not in self.emptied:
            return False
        return 0 < self.follow.known_bytes(path) <= HEAD_BYTES

    def _uncompressed(self) -> list[Path]:
        return [path for path in self._rotated() if not _packed(path).exists()]

    @precondition(lambda self: not self.copied and self._uncompressed())
    @rule(
        data=st.data(),
        meanwhile=st.sampled_from(["", "look", "look later", "crash", "killed"]),
        keep=st.booleans(),
    )
    def compress(self, data, meanwhile, keep):
        path = data.draw(st.sampled_from(self._uncompressed()))
        packed = _packed(path)
        packed.write_bytes(gzip.compress(path.read_bytes()))
        if meanwhile == "look":
            self._look()
        elif meanwhile == "look later":
            self._look(after_s=1.5)
        elif meanwhile == "crash":
            self._crash()
        elif meanwhile == "killed":
            self._look_and_be_killed(data.draw(st.integers(0, 5)))
        if keep:
            return
        if self._cannot_be_told(path):
            self._look()
        path.unlink()

    def _unpackable(self) -> list[Path]:
        packed = sorted(path for path in self.follow.logs.iterdir() if path.suffix == ".gz")
        # A few bytes may be a new file's: they are read again after a while.
        return [
            path
            for path in packed
            if not path.with_suffix("").exists()
            and len(gzip.decompress(path.read_bytes())) > HEAD_BYTES
        ]

    @precondition(lambda self: not self.copied and self._unpackable())
    @rule(data=st.data(), pieces=st.sampled_from([1, 1, 3]))
    def unpack(self, data, pieces):
        packed = data.draw(st.sampled_from(self._unpackable()))
        self._settle()  # it is known by now
        text = gzip.decompress(packed.read_bytes())
        for piece in range(pieces):
            with packed.with_suffix("").open("ab") as file:
                file.write(text[len(text) * piece // pieces : len(text) * (piece + 1) // pieces])
            self._look()

    @precondition(lambda self: not self.copied and self._rotated())
    @rule(data=st.data())
    def delete(self, data):
        path = data.draw(st.sampled_from(self._rotated()))
        self._settle()
        path.unlink()
        # The descriptor is let go of before the inode can be used again.
        self._look()
        self._look(after_s=4)

    @rule()
    def look(self):
        self._look()

    @precondition(lambda self: not self.copied)
    @rule()
    def look_later(self):
        self._look(after_s=1.5)

    @rule()
    def restart(self):
        self.follow.restart()
        self.blind = True

    @rule()
    def crash(self):
        self._crash()

    @rule(moment=st.integers(0, 8))
    def look_and_be_killed(self, moment):
        self._look_and_be_killed(moment)

    def _settle(self) -> None:
        # A compressed file that begins like others is looked at less and less often.
        for _ in range(12):
            self._look(after_s=10)

    @invariant()
    def nothing_comes_twice(self):
        if not hasattr(self, "follow"):
            return
        expected = Counter(line for lines in self.whole for line in lines)
        expected.update([*self.abandoned, *self.at_risk, self.open_line])
        found = Counter(self.follow.lines())
        assert not found - expected, "a line came twice"

    def teardown(self):
        if not hasattr(self, "follow"):
            return
        try:
            self._check()
        finally:
            self.follow.close()
            shutil.rmtree(self.folder)

    def _check(self) -> None:
        if self.copied:
            self.truncate()
        self._settle()
        found = [line for line in self.follow.lines() if line not in self.abandoned]
        missing = Counter(line for lines in self.whole for line in lines) - Counter(found)
        assert not missing, "a line is missing"
        for lines in self.whole:
            own = set(lines) - {self.banner.strip()}
            in_order = [line for line in lines if line in own]
            assert [line for line in found if line in own] == in_order


@pytest.mark.hypothesis
def test_each_line_comes_once_and_in_order():
    run_state_machine_as_test(
        Rotated,
        settings=settings(
            max_examples=int(os.environ.get("MADANG_MODEL_EXAMPLES", "80")),
            stateful_step_count=30,
            deadline=None,
            report_multiple_bugs=False,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        ),
    )
