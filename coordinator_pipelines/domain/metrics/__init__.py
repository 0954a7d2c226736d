"""Scoring rules and summaries, importable by participants: no Dagster, no database.

Add one small module per rule, with its formula, symbols, reference and a doctest; avoid
parsing (``density``) and policies (``missing_data``). Argument order is always
(prediction, truth); numpy arrays in, numpy arrays out.
"""
