"""Ranked model scores as of an instant, version by version."""
