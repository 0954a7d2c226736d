"""Virtual models: what the answers of the others say together, and what each of them adds."""
