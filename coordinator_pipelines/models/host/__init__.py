"""The model host: runs models on this machine and announces them like any orchestrator would."""
