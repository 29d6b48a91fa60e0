"""What has to be done once before the roles start: recovery, migration, the first admin."""

from __future__ import annotations

from madang.core.datadir import DataDir
from madang.core.units import format_size
from madang.operate.accounts import ADMIN_NAME, bootstrap, local_token, open_accounts
from madang.operate.wiring import metadata_location, open_store
from madang.project import Project
from madang.stream import RecoveryReport


def prepare(data: DataDir, project: Project, token: str | None) -> dict[str, object]:
    """Make the data directory ready; JSON-able: ``recovered`` (a sentence or empty), ``code``.

    Runs in a process of its own, which ends afterwards.
    """
    store = open_store(data, project)
    report = store.recover()
    store.close()
    accounts = open_accounts(metadata_location(data, project))
    try:
        bootstrap(accounts, token)
        local_token(accounts, data.run)
        return {"recovered": _sentence(report), "code": accounts.sessions.new_code(ADMIN_NAME)}
    finally:
        accounts.close()


def _sentence(report: RecoveryReport) -> str:
    parts = []
    if report.cut_bytes:
        size = format_size(report.cut_bytes)
        parts.append(f"cut {size} that a crash had left unfinished (never acknowledged)")
    if report.quarantined:
        parts.append(
            f"put {len(report.quarantined)} damaged frames into quarantine: see madang status"
        )
    return f"Recovered the streams: {' and '.join(parts)}." if parts else ""
