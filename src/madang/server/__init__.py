"""HTTP, thin: model in, model out. Authenticates, acknowledges, relays; runs no query.

Entry: :func:`create_app` with a :class:`ServerContext`; :func:`run_server` serves it on a socket.
``docs/reference/api.md`` lists the routes.
"""

from madang.server.app import create_app
from madang.server.context import ServerContext
from madang.server.run import run_server

__all__ = ["ServerContext", "create_app", "run_server"]
