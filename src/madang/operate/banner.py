"""What ``madang up`` prints when it is ready: a link, and commands to paste."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Started:
    """What a person needs to know of the platform that just started.

    ``ports``: the addresses of protocols that have a port of their own.
    """

    url: str
    code: str
    token_file: str
    seconds: float
    recovered: str = ""
    ports: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """The lines to print."""
        url = self.url
        recovered = f"  {self.recovered}\n" if self.recovered else ""
        ports = "".join(f"    {name:<11} {address}\n" for name, address in self.ports.items())
        ports = f"\n  On ports of their own:\n\n{ports}" if ports else ""
        return f"""
  Madang is ready ({self.seconds:.1f} s).
{recovered}
  Open, and you are signed in (once, within 15 minutes):

    {url}/login?code={self.code}

  Send something, and ask for it:

    export MADANG_TOKEN=$(cat {self.token_file})
    curl {url}/api/streams/hello -X PUT -H "Authorization: Bearer $MADANG_TOKEN" -d '{{}}'
    curl {url}/ingest/hello -H "Authorization: Bearer $MADANG_TOKEN" -d '{{"greeting": "안녕"}}'
    curl "{url}/api/sql?format=csv" -H "Authorization: Bearer $MADANG_TOKEN" \\
      -d '{{"sql": "select * from hello"}}'
{ports}
  Ctrl-C stops it; nothing is lost.
"""
