"""What every route shares: who may ask, how parameters are read, how answers and problems look."""
