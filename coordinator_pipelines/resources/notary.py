"""Who signs the log of evidence: the key that the environment names, and the time of this machine.

Add here how the key reaches a run; avoid what is signed (``domain.evidence``). The key stays in
its file: it is in no configuration, log, metadata or database.
"""

from coordinator_pipelines import settings
from coordinator_pipelines.domain.evidence.notary import Notary
from coordinator_pipelines.domain.evidence.note import Signer
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.values.errors import EvidenceError
from coordinator_pipelines.resources.clock import SystemClock


def notary_of(challenge: Challenge) -> Notary | None:
    """The notary of a challenge's log; None if no key is set.

    Raises:
        EvidenceError: the file cannot be read, or holds no key.
    """
    named = settings.evidence_key(challenge.name)
    if named is None:
        return None
    variable, path = named
    try:
        signer = Signer.read(path.read_text())
    except (OSError, UnicodeDecodeError, EvidenceError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it holds no signing key"
        raise EvidenceError(
            f"{variable} is {str(path)!r}, which cannot be used ({reason}); name a file that "
            "`coordinator evidence keygen` has made, or unset it: then nothing is signed"
        ) from None
    return Notary(signer, SystemClock())
