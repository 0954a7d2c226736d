"""Providers of market data."""
