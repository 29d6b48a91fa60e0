"""Value types, errors, clock, names, units: no I/O, imported by everybody.

Entry: :class:`MadangError`, the base of every error that a person reads.
"""
