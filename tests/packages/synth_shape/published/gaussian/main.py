from crunch_synth.examples.exampletracker import GaussianStepTracker


class Gaussian(GaussianStepTracker):
    """The package's own example, as it is."""
