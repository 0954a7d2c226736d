"""Closed windows as Parquet files that others read: written, named and queried."""
