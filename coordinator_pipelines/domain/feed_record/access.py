"""What a deployment decides about asking vendors: where, with which key, how patiently.

Add here what must not stand in a challenge's spec; avoid reading the environment (``settings``)
and asking anybody (``feeds``).
"""

from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

BINANCE_URL_VARIABLE = "BINANCE_API_URL"
PYTH_URL_VARIABLE = "PYTH_HERMES_URL"
PYTH_KEY_VARIABLE = "PYTH_API_KEY"
PATIENCE_VARIABLE = "FEED_PATIENCE_SECONDS"
DEFAULT_PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class FeedAccess:
    """Base URLs, which end before the vendor's own path, and the key; nothing shows the key."""

    binance_url: str = "https://data-api.binance.vision"
    """The public host that needs no key."""
    pyth_url: str = "https://hermes.pyth.network"
    pyth_api_key: SecretStr | None = None
    patience_seconds: float = DEFAULT_PATIENCE_SECONDS
    """The longest that one request may take, with its repetitions and the pauses between them."""
    hold_directory: Path | None = None
    """Where processes tell each other of a vendor that wants not to be asked; None: nowhere."""
