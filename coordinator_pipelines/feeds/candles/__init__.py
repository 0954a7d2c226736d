"""Candles as a file holds them, and what is wrong with them."""
