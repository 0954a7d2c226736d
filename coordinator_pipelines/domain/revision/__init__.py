"""Revisions: what it changed that a published board came out otherwise."""
