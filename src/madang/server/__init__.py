"""HTTP, thin: model in, model out. Authenticates, acknowledges, relays; runs no query.

Entry: :func:`create_app` with a :class:`ServerContext`; :func:`run_server` serves it on a
socket, :func:`run_serve` as the role ``serve``.
``docs/reference/api.md`` lists the routes.
"""

from madang.server.app import create_app
from madang.server.context import ServerContext
from madang.server.role import run_serve
from madang.server.run import run_server

__all__ = ["ServerContext", "create_app", "run_serve", "run_server"]
