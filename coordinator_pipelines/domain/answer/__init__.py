"""What models may answer, and the rules built in that score it."""
