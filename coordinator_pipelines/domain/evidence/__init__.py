"""Evidence: what was answered, found and published, committed to before anybody knew better."""
