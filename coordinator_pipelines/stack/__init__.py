"""Dagster's processes on one machine: configured, started, watched, stopped."""
