"""Recording rules: groups evaluated at their times, results appended as samples.

Entry: :class:`RuleEngine`. A group's evaluations come in order, each once: results carry the
evaluation's time as the sequence of their origin, so that after a restart the stream itself says
where a group goes on.
"""

from madang.metrics.rules.engine import RuleEngine, RuleGroups, RuleSettings
from madang.metrics.rules.log import RuleLog

__all__ = ["RuleEngine", "RuleGroups", "RuleLog", "RuleSettings"]
