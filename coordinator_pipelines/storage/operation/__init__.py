"""What live operation remembers: captures, what is due, pauses, joins and leaves, postings."""
