"""How sure a comparison of scores is: pure statistics of rounds and models."""
