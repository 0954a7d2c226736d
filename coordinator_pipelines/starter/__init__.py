"""The built-in BTC up/down challenge, written as a challenge author would."""
