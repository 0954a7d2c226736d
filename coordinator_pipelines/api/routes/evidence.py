"""``/reports/evidence``: the log of what was committed to, its heads, proofs and openings.

Add here what verifiers ask for; avoid putting proofs together (``domain.evidence``) and checking
them (``verify_evidence``, which is served here as it is).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import Field

from coordinator_pipelines import verify_evidence
from coordinator_pipelines.api.http.access import PUBLIC, READ, AnyCaller, Caller
from coordinator_pipelines.api.http.answers import Answer, answered, tagged
from coordinator_pipelines.api.http.context import Context, Ctx
from coordinator_pipelines.api.http.keys import Tier
from coordinator_pipelines.api.http.parameters import EXAMPLE_INSTANT, AskedMode, Instant
from coordinator_pipelines.api.http.problems import Refusal, documented
from coordinator_pipelines.api.http.times import ZonedTime
from coordinator_pipelines.domain.doors.evidence import Head
from coordinator_pipelines.domain.doors.ledger import Mode
from coordinator_pipelines.domain.evidence.note import base64_text, head_text
from coordinator_pipelines.domain.evidence.opening import Opening, openings
from coordinator_pipelines.domain.evidence.proof import consistency, inclusion, log_root

routes = APIRouter(tags=["evidence"])

MOST_OPENINGS = 50
LARGEST = 2**31 - 1
PLAIN = "text/plain; charset=utf-8"
UNSIGNED = "not signed: the operator has set no key"

Hash = Annotated[str, Field(description="SHA-256 in base64")]
Size = Annotated[int, Query(ge=1, le=LARGEST, description="Entries of the log")]
Page = Annotated[int, Query(ge=1, le=1000, description="Most rows in one answer")]


class LogHead(Answer):
    """The log at some size."""

    size: int
    root: Hash
    note: str | None = Field(description="The head as a signed note; null if it is not signed")
    verifier_key: str | None = Field(description="The key that has signed it")
    signed_at: ZonedTime | None


class LogEntry(Answer):
    """What was hashed as a leaf of the log."""

    position: int
    entry: str = Field(description="Canonical JSON (RFC 8785)")


class InclusionProof(Answer):
    """From a model's leaf to a head of the log: within its round, then within the log."""

    model_id: str
    leaf_hash: Hash
    leaf_index: int
    leaf_count: int
    leaf_path: list[Hash]
    position: int
    entry: str
    size: int
    path: list[Hash]
    root: Hash
    note: str | None


class ConsistencyProof(Answer):
    """That the log of the second size begins with that of the first."""

    first: int
    second: int
    path: list[Hash]


class OpenLeaf(Answer):
    """A model's leaf in a round."""

    model_id: str
    hash: Hash
    cell: dict[str, Any] | None = Field(
        description="What was hashed, with its salt; null until the round is resolved"
    )


class Opened(Answer):
    """What an entry commits to."""

    position: int
    is_open: bool
    leaves: list[OpenLeaf] = Field(description="Of predictions, in the order of their tree")
    content: dict[str, Any] | None = Field(description="Of a truth, a board or a checkpoint")


@routes.get(
    "/reports/evidence/head", response_model=LogHead, responses=documented(), dependencies=[PUBLIC]
)
def head(request: Request, context: Ctx) -> Response:
    """The newest signed head of the log; the log as it is now if no head was ever signed."""
    signed = context.reports.newest_head()
    if signed is not None:
        return answered(request, _told(signed))
    size = context.reports.log_size()
    told = LogHead(
        size=size,
        root=base64_text(log_root(context.reports, size)),
        note=None,
        verifier_key=None,
        signed_at=None,
    )
    return answered(request, told, headers={"X-Warning": UNSIGNED})


@routes.get(
    "/reports/evidence/checkpoint",
    response_class=PlainTextResponse,
    responses=documented(),
    dependencies=[PUBLIC],
)
def checkpoint(request: Request, context: Ctx) -> Response:
    """The newest head as C2SP `tlog-checkpoint` writes it, for witnesses and other tools."""
    signed = context.reports.newest_head()
    if signed is not None:
        return tagged(request, signed.note.encode(), PLAIN, signed.signed_at)
    size = context.reports.log_size()
    text = head_text(context.challenge.name, size, log_root(context.reports, size))
    warning = {"X-Warning": UNSIGNED}
    return tagged(request, f"{text}\n".encode(), PLAIN, headers=warning)


@routes.get(
    "/reports/evidence/heads",
    response_model=list[LogHead],
    responses=documented(),
    dependencies=[PUBLIC],
)
def heads(
    request: Request,
    context: Ctx,
    after: Annotated[int, Query(ge=0, le=LARGEST, description="Only larger ones")] = 0,
    limit: Page = 500,
) -> Response:
    """Signed heads, the smallest first."""
    return answered(request, [_told(each) for each in context.reports.heads(after, limit)])


@routes.get(
    "/reports/evidence/entries",
    response_model=list[LogEntry],
    responses=documented(),
    dependencies=[PUBLIC],
)
def entries(
    request: Request,
    context: Ctx,
    start: Annotated[int, Query(ge=0, le=LARGEST, description="The first position")] = 0,
    limit: Page = 500,
) -> Response:
    """Entries of the log, by position. Each is a leaf of its tree."""
    found = context.reports.entries(start, limit)
    told = [LogEntry(position=entry.position, entry=entry.text) for entry in found]
    return answered(request, told)


@routes.get(
    "/reports/evidence/inclusion",
    response_model=InclusionProof,
    responses=documented(404),
    dependencies=[PUBLIC],
)
def inclusion_proof(
    request: Request,
    context: Ctx,
    mode: AskedMode,
    model: Annotated[str, Query(description="Id of the model", examples=["momentum"])],
    config: Annotated[str, Query(description="Id of the prediction config", examples=["btc-60"])],
    performed_at: Annotated[
        Instant,
        Query(alias="round", description="When models were asked", examples=[EXAMPLE_INSTANT]),
    ],
) -> Response:
    """The proof that the log held a prediction when its newest head was signed.

    It tells nothing of the answer, and can be had as soon as the round is committed.
    """
    reports = context.reports
    signed = reports.newest_head()
    size = signed.size if signed is not None else reports.log_size()
    of_round = reports.round_entries(mode, config, performed_at)
    covered = [entry for entry in of_round if entry.position < size]
    commitments = reports.commitments([entry.position for entry in covered])
    for entry in reversed(covered):
        proof = inclusion(reports, entry, commitments[entry.position], model, size)
        if proof is not None:
            break
    else:
        raise Refusal(404, f"no head covers a prediction of {model[:80]!r} in that round")
    told = proof.told(signed.note if signed is not None else None)
    return answered(request, InclusionProof(**told))


@routes.get(
    "/reports/evidence/consistency",
    response_model=ConsistencyProof,
    responses=documented(404),
    dependencies=[PUBLIC],
)
def consistency_proof(request: Request, context: Ctx, first: Size, second: Size) -> Response:
    """The proof that the log only grew between two sizes (RFC 6962, 2.1.2)."""
    if first > second:
        raise Refusal(422, f"first ({first}) is larger than second ({second})")
    if second > context.reports.log_size():
        raise Refusal(404, f"the log has no {second} entries")
    path = list(map(base64_text, consistency(context.reports, first, second)))
    return answered(request, ConsistencyProof(first=first, second=second, path=path))


@routes.get(
    "/reports/evidence/openings",
    response_model=list[Opened],
    responses=documented(403),
    dependencies=[READ],
)
def opened(
    request: Request,
    context: Ctx,
    caller: AnyCaller,
    positions: Annotated[
        str,
        Query(
            pattern=r"^\d{1,10}(,\d{1,10})*$",
            max_length=600,
            description=f"Positions of at most {MOST_OPENINGS} entries, separated by commas",
            examples=["0,1"],
        ),
    ],
) -> Response:
    """What entries commit to, so that it can be hashed again.

    Answers and their salts are told once the round is resolved, and before that to their owner.
    """
    wanted = sorted({min(int(each), LARGEST) for each in positions.split(",")})
    if len(wanted) > MOST_OPENINGS:
        raise Refusal(422, f"positions names {len(wanted)} entries; at most {MOST_OPENINGS}")
    found = openings(context.reports, context.reports.entries_at(wanted), _sees(context, caller))
    return answered(request, [_opening(each) for each in found])


@routes.get(
    "/reports/evidence/verifier",
    response_class=PlainTextResponse,
    responses=documented(),
    dependencies=[PUBLIC],
)
def verifier(request: Request) -> Response:
    """The stand-alone verifier: one Python file that needs nothing but `cryptography`."""
    return tagged(request, Path(verify_evidence.__file__).read_bytes(), PLAIN)


def _told(signed: Head) -> LogHead:
    return LogHead(
        size=signed.size,
        root=base64_text(signed.root),
        note=signed.note,
        verifier_key=signed.verifier_key,
        signed_at=signed.signed_at,
    )


def _sees(context: Context, caller: Caller) -> Callable[[str], bool]:
    owners: dict[str, str] = {}
    for mode in Mode if caller.tier is not Tier.PUBLIC else ():
        newest = context.reports.memberships(mode).drop_duplicates("model_id", keep="last")
        owners |= dict(zip(newest["model_id"], newest["owner_id"], strict=True))
    return lambda model: caller.sees_inside(owners.get(model))


def _opening(each: Opening) -> Opened:
    leaves = [
        OpenLeaf(model_id=leaf.model_id, hash=leaf.hash, cell=cell) for leaf, cell in each.leaves
    ]
    return Opened(
        position=each.entry.position, is_open=each.is_open, leaves=leaves, content=each.content
    )
