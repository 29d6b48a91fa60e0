"""Requests over the socket of the role ``metrics``: answered, queued, refused, given up."""

import asyncio
import gzip
import threading

import pytest

from madang.core.errors import DeadlineError, OverloadedError, UnavailableError
from madang.metrics.api.answers import Answer
from madang.metrics.promql import Options
from madang.project.metrics_spec import MetricsQuerySpec
from madang.query.prometheus import Answering, ApiRelay, ApiRequest, history_row
from madang.query.request import Identity

WHO = Identity("minji", user_id=7)


def asked(endpoint="query", **more):
    return ApiRequest(endpoint=endpoint, identity=WHO, pairs=[("query", "up")], **more)


class Role:
    """The role's end, in threads of this process."""

    def __init__(self, path):
        self.path = path
        self.records = []
        self.recorded = threading.Semaphore(0)
        self.started = threading.Event()
        self.let_go = threading.Event()
        self.seen_cancelled = threading.Event()
        self.stop = threading.Event()
        answering = Answering(
            path, self.answer, Options, threads=lambda: 2, record=self.record, look_s=0.01
        )
        self.thread = threading.Thread(target=answering.run, args=(self.stop,))
        self.thread.start()
        while not path.exists():
            self.stop.wait(0.005)

    def record(self, answered):
        self.records.append(answered)
        self.recorded.release()

    def answer(self, request, budget):
        if request.endpoint == "large":
            return Answer(200, b"0123456789" * 300_000)
        if request.endpoint == "broken":
            raise ZeroDivisionError("a defect")
        if request.endpoint == "slow":
            self.started.set()
            while not self.let_go.wait(0.005):
                try:
                    budget.check_time()
                except Exception:
                    self.seen_cancelled.set()
                    raise
        budget.samples, budget.series = 12, 3
        return Answer(200, b'{"status":"success"}') if request.endpoint != "none" else None

    def close(self):
        self.let_go.set()
        self.stop.set()
        self.thread.join()


@pytest.fixture
def role(tmp_path):
    made = Role(tmp_path / "metrics.sock")
    yield made
    made.close()


def relay(role, lost=None, **limits):
    spec = MetricsQuerySpec(**limits)
    return ApiRelay(role.path, lambda: spec, record=(lost if lost is not None else []).append)


async def whole(relayed):
    return b"".join([piece async for piece in relayed])


def test_an_answer_comes_with_what_it_took(role):
    async def main():
        relayed = await relay(role).ask(asked())
        assert await whole(relayed) == b'{"status":"success"}'
        return relayed

    relayed = asyncio.run(main())
    assert relayed.meta.status == 200
    assert dict(relayed.meta.headers)["content-length"] == "20"
    assert (relayed.stats.samples, relayed.stats.series) == (12, 3)
    row = history_row(role.records[0])
    assert (row["sql"], row["state"], row["user_id"]) == ("up", "done", 7)
    assert (row["language"], row["samples_read"], row["rows"]) == ("promql", 12, 3)


@pytest.mark.parametrize("packed", [False, True])
def test_a_large_answer_comes_in_pieces(role, packed):
    async def main():
        relayed = await relay(role).ask(asked("large", gzip=packed))
        return relayed.meta, await whole(relayed)

    meta, body = asyncio.run(main())
    assert (dict(meta.headers).get("content-encoding") == "gzip") is packed
    assert (gzip.decompress(body) if packed else body) == b"0123456789" * 300_000


def test_what_there_is_not_and_what_is_broken_is_said(role):
    async def main():
        return [await whole(await relay(role).ask(asked(name))) for name in ("none", "broken")]

    none, broken = asyncio.run(main())
    assert b'"errorType":"not_found"' in none
    assert b'"errorType":"internal"' in broken
    assert b"ZeroDivisionError" in broken
    assert history_row(role.records[0]) is None


def test_who_leaves_ends_the_evaluation_and_frees_the_turn(role):
    async def main():
        one = relay(role, concurrency=1)
        asking = asyncio.ensure_future(one.ask(asked("slow")))
        await asyncio.to_thread(role.started.wait, 5)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        assert one.turns.running == 0
        assert await asyncio.to_thread(role.seen_cancelled.wait, 5)
        assert await whole(await one.ask(asked()))

    asyncio.run(main())
    assert all(role.recorded.acquire(timeout=5) for _ in range(2))
    # In any order: the one that is given up may notice while the next is answered.
    assert sorted(each.state for each in role.records) == ["cancelled", "done"]


def test_beyond_those_that_may_wait_others_are_refused(role):
    lost = []

    async def main():
        one = relay(role, lost, concurrency=1, waiting=1)
        running = asyncio.ensure_future(one.ask(asked("slow")))
        await asyncio.to_thread(role.started.wait, 5)
        waiting = asyncio.ensure_future(one.ask(asked()))
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError, match="1 queries run and 1 wait"):
            await one.ask(asked())
        role.let_go.set()
        for each in (running, waiting):
            await whole(await each)
        assert (one.turns.running, one.turns.waiting) == (0, 0)

    asyncio.run(main())
    assert [each.error_code for each in lost] == ["overloaded"]


def test_a_turn_that_does_not_come_in_time(role):
    async def main():
        one = relay(role, concurrency=1, timeout=0.05)
        running = asyncio.ensure_future(one.ask(asked("slow")))
        await asyncio.to_thread(role.started.wait, 5)
        with pytest.raises(DeadlineError):
            await one.ask(asked())
        # The role has the same limit, and says so itself.
        return await whole(await running)

    assert b'"errorType":"timeout"' in asyncio.run(main())


def test_a_role_that_is_not_there_is_said_and_recorded(tmp_path):
    lost = []
    spec = MetricsQuerySpec()
    nobody = ApiRelay(tmp_path / "nobody.sock", lambda: spec, record=lost.append)
    with pytest.raises(UnavailableError, match="restarts by itself"):
        asyncio.run(nobody.ask(asked()))
    assert history_row(lost[0])["state"] == "failed"
    assert nobody.turns.running == 0


def test_limits_change_while_it_runs(role):
    spec = [MetricsQuerySpec(concurrency=1, waiting=0)]

    async def main():
        one = ApiRelay(role.path, lambda: spec[0])
        running = asyncio.ensure_future(one.ask(asked("slow")))
        await asyncio.to_thread(role.started.wait, 5)
        with pytest.raises(OverloadedError):
            await one.ask(asked())
        spec[0] = MetricsQuerySpec(concurrency=2, waiting=0)
        assert await whole(await one.ask(asked()))
        role.let_go.set()
        await whole(await running)

    asyncio.run(main())


def test_a_role_that_stops_ends_what_it_evaluates(role):
    async def main():
        asking = asyncio.ensure_future(relay(role).ask(asked("slow")))
        await asyncio.to_thread(role.started.wait, 5)
        role.stop.set()
        return await whole(await asking)

    assert b'"errorType":"canceled"' in asyncio.run(main())
