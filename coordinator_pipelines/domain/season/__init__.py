"""Seasons: which there are, and which of them are closed.

Add here what a season is; avoid what an operator does with one (``revision.season_desk``).
"""
