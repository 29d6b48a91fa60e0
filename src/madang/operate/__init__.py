"""Composition root: wiring, roles, supervisor, health, telemetry, users."""
