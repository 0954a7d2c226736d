"""The notary: signs the head of the log whenever the log has grown.

Add here when heads are signed and what time they carry; avoid how they are written (``note``).
"""

from dataclasses import dataclass
from datetime import datetime

from coordinator_pipelines.domain.doors.clock import Clock
from coordinator_pipelines.domain.doors.evidence import Head
from coordinator_pipelines.domain.evidence.note import Signer, head_text, signed


@dataclass(frozen=True, slots=True)
class Notary:
    """An operator's key and a clock."""

    signer: Signer
    clock: Clock

    def head(self, size: int, root: bytes, not_before: datetime | None) -> Head:
        """The signed head of a log, of now.

        ``not_before``: the time of the head before. Clocks of two machines differ a little, and
        a later time claims less.
        """
        at = self.clock.now().replace(microsecond=0)
        at = at if not_before is None else max(at, not_before)
        note = signed(self.signer, head_text(self.signer.name, size, root), at)
        return Head(size, root, at, note, self.signer.verifier_key)
