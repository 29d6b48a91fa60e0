"""The body of the role ``serve``: builds what the routes need and serves until told to stop."""

from __future__ import annotations

import logging
import socket
import threading
from pathlib import Path

from madang.core.clock import SystemClock
from madang.operate.accounts import open_accounts
from madang.operate.health import assess
from madang.operate.role import RoleContext
from madang.operate.streams import open_stream
from madang.operate.telemetry import exposition
from madang.operate.wiring import open_store
from madang.project import ProjectFollower, ProjectPublisher, ProjectWatch, PublishResult
from madang.server.app import create_app
from madang.server.context import ServerContext
from madang.server.run import run_server
from madang.stream import LogStream

_log = logging.getLogger(__name__)
_UI = Path(__file__).parent / "ui"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def run_serve(context: RoleContext, listener: socket.socket) -> None:
    """Serve HTTP, and publish the project whenever its files change."""
    data = context.data
    follower = ProjectFollower(data)
    project = follower.current()
    store = open_store(data, project)
    accounts = open_accounts(data.metadata, session_age_s=project.platform.server.session_age)
    publisher = ProjectPublisher(context.project_dir, data)
    clock = SystemClock()

    def stream(name: str) -> LogStream:
        return open_stream(store, follower.current(), name)

    host = listener.getsockname()[0]
    app = create_app(
        ServerContext(
            data=data,
            accounts=accounts,
            project=follower.current,
            open_stream=stream,
            health=lambda: assess(data, follower.current(), clock.now_us()),
            metrics=exposition,
            clock=clock,
            hosts=_LOOPBACK if host in _LOOPBACK else None,
            ui=_UI,
        )
    )
    watching = threading.Thread(
        target=ProjectWatch(publisher).run, args=(context.stop, _say), name="project", daemon=True
    )
    watching.start()
    run_server(app, listener, ready=context.ready, stop=context.stop)
    watching.join(5)
    accounts.close()
    store.close()


def _say(result: PublishResult) -> None:
    if result.errors:
        _log.error(
            "the project is broken; its last good state goes on: %s",
            result.errors[0],
            extra={"errors": [str(error) for error in result.errors]},
        )
    elif result.changed:
        _log.info("the project changed", extra={"warnings": [str(w) for w in result.problems]})
