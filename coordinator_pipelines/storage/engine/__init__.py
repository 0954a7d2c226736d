"""How frames get into a database and out of it, whichever database it is."""
