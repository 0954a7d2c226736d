"""Participants' models: which ones take part, and how they are asked."""
