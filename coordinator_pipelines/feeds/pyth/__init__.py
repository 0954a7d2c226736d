"""The provider ``pyth``."""
