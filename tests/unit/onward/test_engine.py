"""Senders follow the project: they come, change and go without losing their places."""

import threading
import time

import pytest

from madang.core.errors import StorageFullError
from madang.onward import Onward, engine
from madang.project import PlatformSpec, Project
from unit.onward.receiving import Peer
from unit.onward.test_sender import QUICK, Work, labels


def project(*urls, **more):
    senders = [{"url": url, "queue_config": QUICK, **more} for url in urls]
    spec = PlatformSpec.model_validate({"metrics": {"remote_write": senders}})
    return Project(directory="/p", platform=spec)


@pytest.fixture
def peers():
    made = [Peer(), Peer()]
    yield made
    for one in made:
        one.stop()


@pytest.fixture
def work(tmp_path, peers, monkeypatch):
    monkeypatch.setattr(engine, "_LOOK_S", 0.02)
    monkeypatch.setattr(engine, "_AGAIN_S", 0.02)
    made = Work(tmp_path, peers[0])
    made.project = project()
    made.onward = Onward(made.stream, made.follower.view, made.follower.taken, lambda: made.project)
    stop = threading.Event()
    thread = threading.Thread(target=made.onward.run, args=(stop,))
    thread.start()
    yield made
    stop.set()
    thread.join()
    made.close()


def wait_for(holds):
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)


def begun(work, count):
    groups = [one for one in work.stream.groups() if not one.endswith(".plan")]
    return len(groups) == count and len(work.onward.states()) == count


def values(peer, **more):
    return [value for _, value in peer.samples().get(labels("up", "a", **more), [])]


def test_senders_come_change_and_go(work, peers):
    first, second = peers
    work.project = project(first.url, second.url)
    wait_for(lambda: begun(work, 2))
    work.push({("up", "a"): 1.0})
    wait_for(lambda: values(first) == values(second) == [1.0])
    work.project = project(first.url)
    wait_for(lambda: len(work.onward.states()) == 1)
    work.push({("up", "a"): 2.0})
    wait_for(lambda: values(first) == [1.0, 2.0])
    # It comes back with other settings, to where it was.
    work.project = project(first.url, second.url, external_labels={"r": "k"})
    wait_for(lambda: values(second, r="k") == [2.0])
    assert values(second) == [1.0]


def test_a_place_that_cannot_be_kept_is_told_and_tried_again(work, peers, monkeypatch):
    first, _ = peers
    work.project = project(first.url)
    wait_for(lambda: begun(work, 1))
    commit, full = work.stream.commit, threading.Event()
    full.set()

    def fails(group, offsets):
        if full.is_set():
            raise StorageFullError("the disk is full")
        commit(group, offsets)

    monkeypatch.setattr(work.stream, "commit", fails)
    work.push({("up", "a"): 1.0})
    wait_for(lambda: work.onward.states()[0].error == "the disk is full")
    full.clear()
    wait_for(lambda: values(first) == [1.0])
    wait_for(lambda: work.onward.states()[0].error == "")
