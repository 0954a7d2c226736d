"""The metrics of one model over trailing windows, as of an instant."""
