"""``query-<n>``: runs one SQL query at a time."""

from __future__ import annotations

from collections.abc import Callable

from madang.operate.role import RoleContext
from madang.query.worker import run_worker


def query_role(number: int) -> Callable[[RoleContext], None]:
    """The body of the role ``query-<number>``."""

    def run_query(context: RoleContext) -> None:
        run_worker(number, context.data, ready=context.ready, stop=context.stop)

    return run_query
