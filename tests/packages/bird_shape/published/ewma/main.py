from birdgame.examples.derived.ewmatracker import EMWAVarTracker


class Ewma(EMWAVarTracker):
    """The package's own example, as it is."""
