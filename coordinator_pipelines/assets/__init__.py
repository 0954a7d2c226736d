"""One file per stage: the asset and its checks."""
