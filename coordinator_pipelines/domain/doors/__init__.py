"""What the outside must answer, and the records it answers with."""
