"""Starting the platform: what ``madang up`` does, from an empty directory to the login link."""

from __future__ import annotations

import json
import logging
import os
import shutil
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from madang import __version__
from madang.core.datadir import DataDir
from madang.core.errors import MadangError, StorageFullError, UnavailableError
from madang.operate.banner import Started
from madang.operate.expressions import is_promql
from madang.operate.listen import Listeners, open_listeners
from madang.operate.lock import lock_data_directory
from madang.operate.logs import write_logs
from madang.operate.memory import forget_file_pages, limit_arenas
from madang.operate.notices import say
from madang.operate.private_folder import keep_private
from madang.operate.role import RoleContext
from madang.operate.supervisor import SUPERVISOR, RoleBody, Supervisor
from madang.operate.telemetry import drop_folder, use_folder
from madang.project import Project, ProjectError, ProjectPublisher
from madang.stream.space import is_full

ServeBody = Callable[[RoleContext, Listeners], None]
_FORMAT = 1
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StartOptions:
    """What the command line and the environment say; None leaves it to ``madang.yml``.

    ``token``: ``MADANG_TOKEN``, the bootstrap admin token at the first start.
    """

    project_dir: Path
    data_dir: Path
    host: str | None = None
    port: int | None = None
    token: str | None = None


def run_platform(options: StartOptions, load_serve: Callable[[], ServeBody]) -> None:
    """Start everything, print the login link, and stay until Ctrl-C or SIGTERM.

    Args:
        options: Where, and what overrides the project.
        load_serve: Imports the body of the role ``serve``, which ``operate`` may not. It is called
            once, before the forks, and behind the choice of the metrics' folder: metrics that are
            made earlier would be each process's own.

    Raises:
        MadangError: it could not start; the message says why, nothing is left running.
    """
    try:
        _run_platform(options, load_serve)
    except OSError as error:
        if not is_full(error):
            raise
        raise StorageFullError(
            f"the disk of {options.data_dir} is full: {error.strerror}",
            hint="make room, then start again; nothing that was acknowledged is lost",
        ) from error


def _run_platform(options: StartOptions, load_serve: Callable[[], ServeBody]) -> None:
    began = time.monotonic()
    limit_arenas()
    data = DataDir(options.data_dir.resolve())
    privacy = keep_private(data.root)
    lock_data_directory(data.run)
    _check_format(data)
    write_logs(data.logs, SUPERVISOR)
    if privacy is not None:
        text, done = privacy
        _log.log(logging.INFO if done else logging.WARNING, text, extra={"data": str(data.root)})
    project = _publish(options.project_dir, data)
    server = project.platform.server
    listeners = open_listeners(
        options.host or server.host,
        server.port if options.port is None else options.port,
        server.ports,
    )
    use_folder(data.run / "metrics")
    _clear_spill(data)
    url = _url(listeners.main)
    ports = {name: _url(one) for name, one in listeners.own.items()}
    running = {"url": url, "pid": os.getpid(), "ports": ports}
    _write_private(data.run / "platform.json", json.dumps(running))
    _log.info(
        "the platform starts",
        extra={
            "version": __version__,
            "url": url,
            **({"ports": ports} if ports else {}),  # an empty one would have no column
            "project": str(options.project_dir.resolve()),
            "data": str(data.root),
        },
    )
    # What follows needs neither: the one process prepares while the other imports.
    preparation = _begin_to_prepare(data, project, options.token)
    roles = _roles(project, load_serve(), listeners)
    recovered, code = preparation.finish()
    if recovered:
        _log.warning(recovered)
    supervisor = Supervisor(
        data,
        str(options.project_dir.resolve()),
        roles,
        # A worker that a query left large makes room for a new process.
        may_retire=frozenset({"query"}),
        say=say,
    )
    try:
        supervisor.start()
        started = Started(
            url,
            code,
            str(_shown(data.run / "admin.token")),
            time.monotonic() - began,
            recovered,
            ports,
        )
        _log.info("the platform is ready", extra={"after_s": round(started.seconds, 3)})
        sys.stdout.write(started.text())
        sys.stdout.flush()
        forget_file_pages()
        supervisor.run()
    finally:
        (data.run / "platform.json").unlink(missing_ok=True)
        drop_folder(data.run / "metrics")


def _publish(project_dir: Path, data: DataDir) -> Project:
    """The project as it is, or where it is broken its last good state; says what is wrong."""
    result = ProjectPublisher(project_dir, data, is_promql=is_promql).publish()
    if result.project is None:
        raise ProjectError(problems=result.problems)
    if result.errors:
        sys.stderr.write(
            f"The project has {len(result.errors)} errors; its last good state is used.\n"
            f"The first: {result.errors[0]}\nmadang check shows all of them.\n"
        )
    return result.project


def _roles(project: Project, serve: ServeBody, listeners: Listeners) -> dict[str, RoleBody]:
    # Imported here, once, before the forks: the roles share these pages. What is loaded when it is
    # first used would be each role's own: 3 MB of numpy.ma, which Arrow asks for.
    import numpy.ma  # noqa: F401

    import madang.lake.sqlite_catalog  # noqa: F401
    from madang.operate.roles.collect import run_collect
    from madang.operate.roles.deliver import run_deliver
    from madang.operate.roles.metrics import run_metrics
    from madang.operate.roles.query import query_role

    roles: dict[str, RoleBody] = {
        "serve": lambda context: serve(context, listeners),
        "collect": run_collect,
        "deliver": run_deliver,
        "metrics": run_metrics,
    }
    for index in range(project.platform.query.workers):
        roles[f"query-{index}"] = query_role(index)
    return roles


@dataclass(frozen=True, slots=True)
class _Preparation:
    """What recovers streams, migrates metadata and makes a login code: process ``pid``."""

    pid: int
    answer_fd: int

    def finish(self) -> tuple[str, str]:
        """Wait for its end: what recovery has to say, and the login code."""
        with os.fdopen(self.answer_fd, "rb") as pipe:
            found = json.loads(pipe.read() or b'{"error": "the preparation was killed"}')
        os.waitpid(self.pid, 0)
        if "error" in found:
            raise UnavailableError(f"the data directory could not be opened: {found['error']}")
        return found["recovered"], found["code"]


def _begin_to_prepare(data: DataDir, project: Project, token: str | None) -> _Preparation:
    """Prepare the data directory in a process of its own.

    The supervisor itself must stay without threads and open databases, as it forks all its life.
    """
    reading, writing = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        answer: dict[str, object]
        try:
            from madang.operate.prepare import prepare

            answer = prepare(data, project, token)
        except MadangError as error:
            answer = {"error": str(error)}
        except BaseException as error:  # noqa: BLE001 - told to the parent, which raises it
            answer = {"error": f"{type(error).__name__}: {error}"}
        try:
            os.write(writing, json.dumps(answer).encode())
        finally:
            os._exit(0)  # whoever asked may be gone
    os.close(writing)
    return _Preparation(pid, reading)


def _check_format(data: DataDir) -> None:
    """Refuse a data directory of a later Madang, and mark a new one."""
    marker = data.root / "VERSION"
    try:
        found = json.loads(marker.read_text())["format"]
    except FileNotFoundError:
        marker.write_text(json.dumps({"format": _FORMAT}) + "\n")
        return
    except (ValueError, KeyError, TypeError):
        found = None
    if found != _FORMAT:
        raise UnavailableError(
            f"{marker} says format {found}, this Madang knows {_FORMAT}",
            hint="use the Madang that wrote it, or another data directory",
        )


def _clear_spill(data: DataDir) -> None:
    shutil.rmtree(data.spill, ignore_errors=True)
    data.spill.mkdir(parents=True, exist_ok=True)


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - only shown
    return f"http://{f'[{shown}]' if ':' in shown and not shown.startswith('[') else shown}:{port}"


def _shown(path: Path) -> Path:
    """``path`` from here, if that is shorter to paste."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
