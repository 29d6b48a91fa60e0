"""Value types, errors, clock, names, units, durable files: no other I/O, imported by everybody.

Entry: :class:`MadangError`, the base of every error that a person reads.
"""
