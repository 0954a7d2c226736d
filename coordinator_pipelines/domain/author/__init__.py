"""The author's own code: loaded, checked, and adapted to whole batches."""
