"""The validated spec of a challenge: its fields, section by section, and the rules between them."""
