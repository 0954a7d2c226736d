"""How this project's own log lines look, and where they go.

Add here what concerns every process; avoid logging anything. Dagster keeps what a run writes to
standard error as its compute log: unlike ``context.log``, a line there costs no event.
"""

import logging
import sys

FORMAT = "%(asctime)s | %(name)s | %(levelname)s | %(message)s"
PACKAGE = "coordinator_pipelines"


def to_standard_error() -> None:
    """Write this package's lines from INFO on to standard error, once, whoever asks again."""
    logger = logging.getLogger(PACKAGE)
    if not any(isinstance(handler, _Stderr) for handler in logger.handlers):
        handler = _Stderr()
        handler.setFormatter(logging.Formatter(FORMAT))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)


class _Stderr(logging.Handler):
    """Writes to what is standard error at that moment: Dagster replaces it while a step runs."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        sys.stderr.write(self.format(record) + "\n")
