"""One prediction against one truth, and the sums that trailing windows are added up from."""
