"""The timeline: instants, rounds, batch windows, horizons. Pure functions of instants."""
