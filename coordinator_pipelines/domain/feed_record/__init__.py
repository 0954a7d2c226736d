"""Feed records: the instants they are about, their gaps, and how they come in."""
