"""``query-<n>``: runs one SQL query at a time."""

from __future__ import annotations

from collections.abc import Callable

from madang.operate.role import RoleContext
from madang.query.worker import run_worker


def query_role(index: int) -> Callable[[RoleContext], None]:
    """The body of the role ``query-<index>``."""

    def run_query(context: RoleContext) -> None:
        run_worker(index, context.data, ready=context.ready, stop=context.stop)

    return run_query
