"""The Dagster instance of this machine: its configuration, its runs, what is kept of them."""
