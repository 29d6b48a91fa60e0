"""Samples sent on by remote write: the stream is the queue.

Entry: :class:`Onward`, which runs a :class:`Sender` for each receiver of a project.
"""

from madang.onward.engine import Onward
from madang.onward.groups import group_of, sender_groups, senders_of

__all__ = ["Onward", "group_of", "sender_groups", "senders_of"]
