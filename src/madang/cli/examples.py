"""Examples of every command, for ``--help`` and the reference page; a test parses each."""

from __future__ import annotations

EXAMPLES: dict[str, tuple[str, ...]] = {
    "init": ("madang init shop",),
    "check": ("madang check shop", "madang check shop --json"),
    "up": ("madang up shop --data /var/lib/madang", "madang up shop --port 8081"),
    "status": ("madang status", "madang status --url http://10.0.0.5:8080 --json"),
    "sql": (
        'madang sql "select path, count(*) from shop group by path"',
        "madang sql 'select * from shop where status = $status' --param status=500 -f csv -o e.csv",
        "madang sql --file logs='/var/log/app/*.ndjson.gz' 'select count(*) from logs'",
    ),
    "streams list": ("madang streams", "madang streams list --json"),
    "streams show": ("madang streams show shop", "madang streams shop --json"),
    "streams create": ("madang streams create orders --format json --key customer",),
    "streams adopt": ("madang streams adopt orders",),
    "streams tail": ("madang streams tail shop", "madang streams tail shop -n 100 --no-follow"),
    "tables list": ("madang tables", "madang tables list --json"),
    "tables show": ("madang tables show shop", "madang tables system.logs --json"),
    "tables drop": ("madang tables drop old_orders", "madang tables drop old_orders --yes"),
    "ingest": (
        "madang ingest orders.ndjson.gz --create",
        "madang ingest 2026-*.csv --stream orders",
        "kubectl logs app | madang ingest - --stream app --format plain",
    ),
    "replay": ("madang replay orders", "madang replay orders --code invalid_json --from 100"),
    "schema": ("madang schema shop", "madang schema --kind stream"),
    "version": ("madang version",),
    "token create": ("madang token create shop-agent --scope ingest --expires-in 90d",),
    "token list": ("madang token list",),
    "token revoke": ("madang token revoke 01m7yve5bgek65xp2a897j9gq5",),
    "user add": ("madang user add minji --role editor", "madang user add minji < password.txt"),
    "user list": ("madang user list",),
    "user remove": ("madang user remove minji",),
    "user passwd": ("madang user passwd minji",),
    "user link": ("madang user link minji --data /var/lib/madang",),
}
"""Command, without ``madang`` → how it is called."""


def epilog(command: str) -> str:
    """The end of a command's ``--help``."""
    lines = "\n".join(f"  {one}" for one in EXAMPLES[command])
    # Click keeps the lines of a paragraph that begins with a backspace.
    return f"\b\nExamples:\n{lines}"
