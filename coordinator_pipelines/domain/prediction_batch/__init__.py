"""Asking models: what they see, what they answer, live and in a replay."""
