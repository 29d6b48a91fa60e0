"""The catalog for completion, asked of a worker at most every few seconds a role."""

from __future__ import annotations

import asyncio
from typing import Any

from madang.query import Identity
from madang.server.context import ServerContext

_AGE_S = 5.0


class CatalogCache:
    """Keeps answers by role and scope, on which rights depend; one question at a time."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[float, Any]] = {}
        self._lock = asyncio.Lock()

    async def get(self, identity: Identity, context: ServerContext) -> Any:  # noqa: ANN401 -- Completion
        """The catalog for ``identity``.

        Raises:
            UnavailableError: no worker is up.
        """
        key = (identity.role, identity.scope)
        async with self._lock:
            now_s = context.clock.monotonic_s()
            known = self._known.get(key)
            if known is not None and now_s - known[0] < _AGE_S:
                return known[1]
            found = await context.queries.complete(identity)
            self._known[key] = (now_s, found)
            return found
