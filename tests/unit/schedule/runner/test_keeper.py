"""Attempts that end in every way that tasks end in, and what is left of them: nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import psutil
import pytest

from madang.schedule.runner import Ending, Outcome

KEPT = Path(__file__).with_name("kept.py")


def start(folder, body, *, control=False, **limits):
    return subprocess.Popen(
        [sys.executable, KEPT, folder, json.dumps(limits), body, *(["control"] if control else [])],
        stdin=subprocess.PIPE if control else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"MADANG_KEPT": str(folder)},
    )


def outcome_of(process, timeout_s=60):
    said, errors = process.communicate(timeout=timeout_s)
    assert process.returncode == 0, errors.decode()
    return msgspec.json.decode(said, type=Outcome)


def left(folder):
    """Processes that still have this attempt in their environment."""
    found = []
    for one in psutil.process_iter():
        try:
            if one.environ().get("MADANG_KEPT") == str(folder):
                found.append(one)
        except psutil.Error:
            continue
    return found


@pytest.fixture
def run(tmp_path):
    def run(body, **limits):
        outcome = outcome_of(start(tmp_path, body, **limits))
        assert left(tmp_path) == []
        return outcome, (tmp_path / "log").read_bytes()

    return run


def test_what_it_returns_and_prints_is_kept(run):
    outcome, log = run("returns")
    assert outcome.ending is Ending.DONE
    assert outcome.value == {"rows": 3, "name": "마당"}
    assert log == b"hello\n"
    assert outcome.output_bytes == 6
    assert (outcome.strays, outcome.dropped_bytes) == (0, 0)


def test_an_error_is_told_in_its_words_and_traced_in_the_log(run):
    outcome, log = run("raises")
    assert outcome.ending is Ending.FAILED
    assert outcome.error == "the table has no column x (did you mean y?)"
    assert outcome.kind == "invalid_input"
    assert b"Traceback" in log


def test_an_error_that_cannot_be_written_is_told_all_the_same(run):
    outcome, _ = run("raises_nonsense")
    assert outcome.kind == "RuntimeError"
    assert outcome.error.startswith("?xxx")
    assert len(outcome.error) <= 4096


@pytest.mark.parametrize(("body", "code"), [("exits", 7), ("program", 3)])
def test_an_exit_code_is_told(run, body, code):
    outcome, _ = run(body)
    assert outcome.ending is Ending.FAILED
    assert outcome.exit_code == code
    assert outcome.error == f"it exited with {code}"


def test_a_program_that_is_not_there(run):
    outcome, _ = run("missing_program")
    assert outcome.kind == "FileNotFoundError"


def test_much_output_is_cut_and_does_not_stop_it(run):
    outcome, log = run("prints_much", output_bytes=2**20)
    assert outcome.value == "done"
    assert outcome.output_bytes == 2**20
    assert outcome.dropped_bytes == 299 * 2**20
    assert log[2**20 :].decode().strip() == "(299.0 MiB of further output were not kept)"


def test_output_that_is_no_text(run):
    assert run("prints_nonsense")[1] == bytes(range(256))


def test_what_never_ends_is_ended(run):
    outcome, _ = run("sleeps", timeout_s=0.3)
    assert outcome.ending is Ending.TIMED_OUT
    assert outcome.error == "it ran longer than 0.3 s"
    assert outcome.duration_s < 10


def test_what_will_not_end_is_killed_after_its_grace(run):
    outcome, log = run("stubborn", timeout_s=1, grace_s=0.5)
    assert outcome.ending is Ending.TIMED_OUT
    assert outcome.signal == signal.SIGKILL
    assert log == b"I stay\n"


def test_what_ends_well_within_its_grace_was_still_too_late(run):
    assert run("polite", timeout_s=1)[0].ending is Ending.TIMED_OUT


def test_what_forks_and_forgets_leaves_nothing(run):
    outcome, _ = run("forks_and_forgets")
    assert outcome.ending is Ending.DONE
    assert outcome.value == "gone"
    assert outcome.strays == 3


def test_many_forks_end_together(run):
    outcome, _ = run("bomb", timeout_s=1, grace_s=0.2)
    assert outcome.ending is Ending.TIMED_OUT


def test_memory_that_is_taken_at_once(run):
    outcome, _ = run("takes_memory_at_once", memory_bytes=2**28)
    assert outcome.ending is Ending.OUT_OF_MEMORY
    assert outcome.error == "it took more than 256.0 MiB of memory"


def test_memory_that_a_process_below_takes(run):
    outcome, _ = run("takes_memory_below", memory_bytes=2**27)
    # Each process has the limit by itself, and all of them have it together.
    assert outcome.ending in {Ending.OUT_OF_MEMORY, Ending.DONE}
    assert outcome.peak_bytes <= 2**28


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        ("returns_much", "ValueError", "takes 2.0 MiB, at most 1.0 MiB are kept"),
        ("returns_nonsense", "TypeError", "cannot be kept"),
        ("returns_a_circle", "TypeError", "cannot be kept"),
    ],
)
def test_what_cannot_be_kept_is_said(run, body, kind, says):
    outcome, _ = run(body)
    assert outcome.ending is Ending.FAILED
    assert outcome.kind == kind
    assert says in outcome.error


@pytest.mark.parametrize(("body", "name"), [("kills_itself", "SIGKILL"), ("crashes", "SIGABRT")])
def test_signals_of_others(run, body, name):
    outcome, _ = run(body)
    assert outcome.ending is Ending.KILLED
    assert outcome.error == f"it was ended by {name}"


def test_there_is_nothing_to_read(run):
    assert run("reads")[0].value == ""


def test_threads_do_not_keep_it(run):
    outcome, _ = run("threads_left")
    assert outcome.value == "main is done"
    assert outcome.duration_s < 20


def test_it_may_close_its_output(run):
    assert run("closes_its_output")[0].value == "quiet"


def test_it_is_cancelled(tmp_path):
    process = start(tmp_path, "sleeps", control=True)
    time.sleep(0.5)  # no matter where it stands
    outcome = msgspec.json.decode(process.communicate(b"x", timeout=30)[0], type=Outcome)
    assert outcome.ending is Ending.CANCELLED
    assert left(tmp_path) == []


def test_whoever_kills_the_keeper_kills_the_body(tmp_path):
    process = start(tmp_path, "stubborn")
    while not (tmp_path / "log").exists() or not (tmp_path / "log").read_bytes():
        time.sleep(0.01)
    process.kill()
    process.communicate()
    until = time.monotonic() + 10
    while left(tmp_path):
        assert time.monotonic() < until
        time.sleep(0.01)
