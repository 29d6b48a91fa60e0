"""When something runs: the times of a cron or an interval, and the data intervals between them.

``Timetable`` is the port, ``CronTimetable`` and ``EveryTimetable`` are its implementations;
``OnBusinessDays`` moves another one's times by a ``Calendar``; ``due_intervals`` says which runs
are due. Instants are microseconds UTC everywhere.
"""

from madang.schedule.timetable.calendar import Calendar, OnBusinessDays, Roll
from madang.schedule.timetable.cron import CronTimetable
from madang.schedule.timetable.every import EveryTimetable
from madang.schedule.timetable.intervals import DataInterval, Due, due_intervals
from madang.schedule.timetable.timetable import Timetable, last_until

__all__ = [
    "Calendar",
    "CronTimetable",
    "DataInterval",
    "Due",
    "EveryTimetable",
    "OnBusinessDays",
    "Roll",
    "Timetable",
    "due_intervals",
    "last_until",
]
