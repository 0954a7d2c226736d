"""How a run reaches the outside."""
