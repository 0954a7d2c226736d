"""The provider ``binance``."""
