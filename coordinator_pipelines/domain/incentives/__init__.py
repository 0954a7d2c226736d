"""What honest and dishonest forecasters would earn under a challenge's own rules."""
