from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pyarrow as pa
import pytest

from madang.core.datadir import DataDir
from madang.core.errors import (
    CancelledError,
    ConflictError,
    DeadlineError,
    InvalidInputError,
    OverloadedError,
    UnavailableError,
)
from madang.query import (
    Finished,
    Identity,
    QueryPool,
    QueryRequest,
    QueryState,
    ResultFormat,
    worker,
)
from madang.query.serving import HARD_EXIT
from unit.query.conftest import House, WorkerProcess, order_rows

Start = Callable[[int, DataDir], WorkerProcess]
ENDLESS = "SELECT count(*) FROM range(10000000000000)"
LARGE = "SELECT range, repeat('x', 100) FROM range(100000000)"


def request(sql: str, user: str = "kim", **options: object) -> QueryRequest:
    return QueryRequest(sql=sql, identity=Identity(user), **options)  # type: ignore[arg-type]


async def answer(pool: QueryPool, asked: QueryRequest) -> bytes:
    result = await pool.run(asked)
    return b"".join([piece async for piece in result])


@asynccontextmanager
async def pool_of(house: House, workers: int = 1, **options: object) -> AsyncIterator[QueryPool]:
    pool = QueryPool(house.data.run, workers, **options)  # type: ignore[arg-type]
    try:
        yield pool
    finally:
        await pool.close()


async def until(pool: QueryPool, query_id: str, state: QueryState) -> None:
    async with asyncio.timeout(10):
        while (status := pool.status(query_id)) is None or status.state != state:
            await asyncio.sleep(0.01)


def test_a_query_goes_through_a_worker_and_into_the_history(
    house: House, start_worker: Start
) -> None:
    house.deliver(order_rows(0, 5), reached=5)
    worker = start_worker(0, house.data)

    async def scenario() -> None:
        async with pool_of(house) as pool:
            complete = await pool.complete(Identity("kim"))
            assert "lake.orders" in [table.name for table in complete.tables]
            result = await pool.run(request("SELECT sum(amount) AS s FROM orders", query_id="q1"))
            assert [column.name for column in result.meta.columns] == ["s"]
            body = json.loads(b"".join([piece async for piece in result]))
            assert body["rows"] == [[10]]
            assert result.stats.tables == ["lake.orders"]
            status = pool.status("q1")
            assert status is not None
            assert (status.state, status.rows) == (QueryState.DONE, 1)
            with pytest.raises(InvalidInputError, match="cannot be sent"):
                await pool.run(request("SELECT $v", params={"v": object()}))
            with pytest.raises(InvalidInputError) as caught:
                await pool.run(request("SELECT nope FROM orders", query_id="q2"))
            assert str(caught.value.where) == "sql:1:8"

    asyncio.run(scenario())
    assert worker.stop() == 0
    chunks = house.store.get("system.query_history").read(0, 0)
    rows = [row for chunk in chunks for row in chunk.batch.to_pylist()]
    assert [(row["query_id"], row["state"]) for row in rows] == [("q1", "done"), ("q2", "failed")]
    assert rows[0]["tables"] == ["lake.orders"]
    assert rows[0]["rows"] == 1
    assert "nope" in rows[1]["error"]


def test_arrow_streams_in_pieces(house: House, start_worker: Start) -> None:
    start_worker(0, house.data)

    async def scenario() -> None:
        async with pool_of(house) as pool:
            sql = "SELECT range AS a, repeat('x', 20) AS b FROM range(300000)"
            result = await pool.run(request(sql, format=ResultFormat.ARROW))
            pieces = [piece async for piece in result]
            assert len(pieces) > 3
            assert max(len(piece) for piece in pieces) <= 2**20
            table = pa.ipc.open_stream(b"".join(pieces)).read_all()
            assert table.num_rows == 300_000

    asyncio.run(scenario())


def test_a_running_and_a_queued_query_can_be_cancelled(house: House, start_worker: Start) -> None:
    start_worker(0, house.data)

    async def scenario() -> None:
        async with pool_of(house) as pool:
            running = asyncio.create_task(pool.run(request(ENDLESS, query_id="a")))
            await until(pool, "a", QueryState.RUNNING)
            queued = asyncio.create_task(pool.run(request("SELECT 1", query_id="b")))
            await until(pool, "b", QueryState.QUEUED)
            with pytest.raises(ConflictError):
                await pool.run(request("SELECT 1", query_id="a"))
            assert pool.cancel("b")
            with pytest.raises(CancelledError):
                await queued
            assert pool.cancel("a")
            with pytest.raises(CancelledError):
                await running
            assert not pool.cancel("a")
            status = pool.status("a")
            assert status is not None
            assert status.state == QueryState.CANCELLED
            assert json.loads(await answer(pool, request("SELECT 1")))["rows"] == [[1]]

    asyncio.run(scenario())


def test_a_reader_that_leaves_frees_the_worker(house: House, start_worker: Start) -> None:
    start_worker(0, house.data)

    async def scenario() -> None:
        async with pool_of(house, queue_timeout_s=10) as pool:
            result = await pool.run(request(LARGE, format=ResultFormat.CSV, max_rows=10**9))
            await anext(aiter(result))
            await result.aclose()
            assert json.loads(await answer(pool, request("SELECT 1")))["rows"] == [[1]]

    asyncio.run(scenario())


def test_a_reader_that_stalls_is_cut_off(house: House, start_worker: Start) -> None:
    start_worker(0, house.data)

    async def scenario() -> None:
        async with pool_of(house, stall_timeout_s=0.2) as pool:
            asked = request(LARGE, format=ResultFormat.CSV, max_rows=10**9, query_id="slow")
            result = await pool.run(asked)
            await anext(aiter(result))
            # Another one gets the worker although nobody touches the first.
            assert json.loads(await answer(pool, request("SELECT 1")))["rows"] == [[1]]
            with pytest.raises(DeadlineError, match="nobody took the answer"):
                async for _ in result:
                    pass

    asyncio.run(scenario())


def test_a_killed_worker_fails_its_query_and_no_other(house: House, start_worker: Start) -> None:
    worker = start_worker(0, house.data)
    recorded: list[Finished] = []

    async def scenario() -> None:
        async with pool_of(house, record=recorded.append) as pool:
            running = asyncio.create_task(pool.run(request(ENDLESS, query_id="doomed")))
            await until(pool, "doomed", QueryState.RUNNING)
            os.kill(worker.pid, signal.SIGKILL)
            with pytest.raises(UnavailableError, match="ran out of memory or was killed"):
                await running
            worker.process.join()
            after = asyncio.create_task(answer(pool, request("SELECT 1")))
            await asyncio.to_thread(worker.start)
            assert json.loads(await after)["rows"] == [[1]]

    asyncio.run(scenario())
    assert [finished.request.query_id for finished in recorded] == ["doomed"]
    assert recorded[0].error is not None


@pytest.mark.slow
@pytest.mark.parametrize(("crowded_bytes", "ends"), [(2**20, True), (2**50, False)])
def test_a_worker_makes_room_before_its_addresses_run_out(
    house: House, crowded_bytes: int, ends: bool
) -> None:
    stop = threading.Event()
    crowded = worker.Worker(0, house.data, stop, crowded_bytes)
    crowded._tidy_memory()
    assert stop.is_set() is ends
    crowded._close()


def test_a_worker_that_does_not_react_is_killed(house: House, start_worker: Start) -> None:
    worker = start_worker(0, house.data)

    async def scenario() -> None:
        async with pool_of(house) as pool:
            running = asyncio.create_task(pool.run(request(ENDLESS, query_id="stuck")))
            await until(pool, "stuck", QueryState.RUNNING)
            os.kill(worker.pid, signal.SIGSTOP)
            began = time.monotonic()
            pool.cancel("stuck")
            with pytest.raises(CancelledError):
                await running
            assert time.monotonic() - began < 8

    asyncio.run(scenario())
    worker.process.join(30)
    assert worker.process.exitcode == -signal.SIGKILL


def test_a_query_that_cannot_be_interrupted_takes_its_worker_with_it(
    house: House, start_worker: Start
) -> None:
    worker = start_worker(0, house.data)

    async def scenario() -> None:
        async with pool_of(house) as pool:
            asked = request("SELECT length(printf('%2000000000d', 1))", timeout_s=0.2)
            with pytest.raises(DeadlineError):
                await pool.run(asked)

    asyncio.run(scenario())
    worker.process.join(30)
    assert worker.process.exitcode == HARD_EXIT
    chunks = house.store.get("system.query_history").read(0, 0)
    assert [row["error_code"] for row in chunks[0].batch.to_pylist()] == ["deadline"]


def test_nobody_waits_for_ever(house: House, start_worker: Start) -> None:
    async def no_worker() -> None:
        async with pool_of(house, queue_timeout_s=0.2) as pool:
            with pytest.raises(UnavailableError, match="is not up"):
                await pool.run(request("SELECT 1"))

    asyncio.run(no_worker())
    start_worker(0, house.data)

    async def busy() -> None:
        async with pool_of(house, queue_timeout_s=0.3) as pool:
            pool.configure(workers=1, queue_timeout_s=20)
            running = asyncio.create_task(pool.run(request(ENDLESS, query_id="a")))
            await until(pool, "a", QueryState.RUNNING)
            pool.configure(workers=1, queue_timeout_s=0.2)
            with pytest.raises(OverloadedError, match="no query worker was free"):
                await pool.run(request("SELECT 1"))
            pool.cancel("a")
            with pytest.raises(CancelledError):
                await running

    asyncio.run(busy())


def test_sigterm_lets_the_query_finish(house: House, start_worker: Start) -> None:
    worker = start_worker(0, house.data)

    async def scenario() -> None:
        async with pool_of(house) as pool:
            sql = "SELECT count(DISTINCT hash(range)) FROM range(3000000)"
            running = asyncio.create_task(answer(pool, request(sql, query_id="last")))
            await until(pool, "last", QueryState.RUNNING)
            worker.process.terminate()
            assert json.loads(await running)["row_count"] == 1

    asyncio.run(scenario())
    worker.process.join(10)
    assert worker.process.exitcode == 0


def test_a_query_over_its_memory_fails_alone(house: House, start_worker: Start) -> None:
    from madang.core.errors import TooLargeError

    query = house.project.platform.query.model_copy(update={"memory": 64 * 2**20, "spill": 2**20})
    platform = house.project.platform.model_copy(update={"query": query})
    house.project = house.project.model_copy(update={"platform": platform})
    house.publish()
    start_worker(0, house.data)

    async def scenario() -> None:
        async with pool_of(house) as pool:
            sql = "SELECT len(list(range)) FROM range(30000000)"
            with pytest.raises(TooLargeError, match="more memory"):
                await pool.run(request(sql))
            assert json.loads(await answer(pool, request("SELECT 1")))["rows"] == [[1]]

    asyncio.run(scenario())


def test_two_workers_serve_many_at_once(house: House, start_worker: Start) -> None:
    house.deliver(order_rows(0, 50), reached=50)
    for index in (0, 1):
        start_worker(index, house.data)

    async def scenario() -> None:
        async with pool_of(house, workers=2) as pool:
            sql = "SELECT $n::INT AS n, count(*) AS c FROM orders"
            answers = await asyncio.gather(
                *(answer(pool, request(sql, f"user {n % 3}", params={"n": n})) for n in range(24))
            )
            assert [json.loads(body)["rows"] for body in answers] == [[[n, 50]] for n in range(24)]

    asyncio.run(scenario())


def test_a_damaged_project_file_stops_no_worker(house: House, start_worker: Start) -> None:
    worker = start_worker(0, house.data)

    async def scenario() -> None:
        async with pool_of(house) as pool:
            for damage in ("", "{", "[]", '{"project": {"directory": 5}}'):
                await answer(pool, request("SELECT 1"))
                house.data.published_project.write_text(damage)
            assert json.loads(await answer(pool, request("SHOW TABLES")))["row_count"] == 3

    asyncio.run(scenario())
    assert worker.process.is_alive()


def test_a_worker_is_shut_in(house: House, start_worker: Start) -> None:
    worker = start_worker(0, house.data)

    async def scenario() -> None:
        async with pool_of(house) as pool:
            await answer(pool, request("SELECT 1"))

    asyncio.run(scenario())
    process = Path(f"/proc/{worker.pid}")
    status = dict(
        line.split(":\t", 1)
        for line in (process / "status").read_text().splitlines()
        if ":\t" in line
    )
    assert status["NoNewPrivs"] == "1"
    assert (process / "oom_score_adj").read_text().strip() == "900"
    limits = (process / "limits").read_text()
    assert "Max core file size        0" in limits


def test_a_socket_deep_in_the_tree_is_reached(tmp_path: Path, start_worker: Start) -> None:
    house = House(tmp_path / ("deep" * 30))
    start_worker(0, house.data)

    async def scenario() -> None:
        async with pool_of(house) as pool:
            assert json.loads(await answer(pool, request("SELECT 1")))["rows"] == [[1]]

    asyncio.run(scenario())
    house.close()
