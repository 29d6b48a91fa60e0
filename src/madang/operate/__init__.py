"""Composition root: wires the parts into roles, starts and supervises them, knows their health.

Entry: :func:`madang.operate.supervisor.run_platform`. Nothing else of Madang is wired elsewhere.
"""
