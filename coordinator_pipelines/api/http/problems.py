"""What an answer that is none says: one shape for every 4xx and 5xx.

Add a kind of problem here; avoid deciding when there is one. ``message`` is the one field that
the existing web front end reads.
"""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from coordinator_pipelines.domain.values.errors import CoordinatorError, LedgerError

logger = logging.getLogger(__name__)

UNAVAILABLE = "the database cannot be read at the moment; try again in a while"
MISCONFIGURED = "this service is not set up as it should be; its operator finds why in its log"
BROKEN = "this is a mistake of the service; its operator finds it in its log"


MEDIA_TYPE = "application/problem+json"
SCHEMA_REFERENCE = {"$ref": "#/components/schemas/Problem"}


class Detail(BaseModel):
    """One parameter that is wrong."""

    model_config = ConfigDict(extra="forbid")

    loc: list[str | int]
    msg: str
    type: str


class Problem(BaseModel):
    """Why there is no answer (RFC 9457)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "type": "about:blank", "title": "Not Found", "status": 404,
                    "detail": "there is no model 'x'", "message": "there is no model 'x'",
                    "errors": [],
                }
            ]
        },
    )  # fmt: skip

    type: Literal["about:blank"] = "about:blank"
    title: str = Field(description="The name of the status")
    status: int
    detail: str = Field(description="For people")
    message: str = Field(description="The same as `detail`")
    errors: list[Detail] = Field(default_factory=list, description="Parameters that are wrong")


class Refusal(HTTPException):
    """A request that is answered with a status above 399, and a text for people."""

    def __init__(self, status: int, message: str) -> None:
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
        super().__init__(status, message, headers)


def documented(*codes: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of the problems of a route."""
    meanings = {
        400: "A key in the URL",
        401: "The key is missing, cannot be read or is not known",
        403: "The key is of a lower tier",
        404: "There is no such thing",
        406: "The format cannot be had here",
        409: "The state of the thing does not allow that",
        422: "A parameter is wrong, not known or given twice",
        503: UNAVAILABLE.capitalize(),
    }
    listed = sorted({400, 401, 422, 503, *codes})
    return {code: {"model": Problem, "description": meanings[code]} for code in listed}


def install(app: FastAPI) -> None:
    """Answer every problem in that shape."""
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _wrong)
    app.add_exception_handler(LedgerError, _unavailable)
    app.add_exception_handler(CoordinatorError, _misconfigured)
    app.add_exception_handler(Exception, _broken)


def problem(
    status: int, text: str, headers: Any = None, errors: Sequence[Detail] = ()
) -> JSONResponse:
    """The answer that tells a problem."""
    told = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=text,
        message=text,
        errors=list(errors),
    )
    own = {"Cache-Control": "no-store"} | dict(headers or {})
    return JSONResponse(told.model_dump(), status, own, media_type=MEDIA_TYPE)


def _refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, str(error.detail), error.headers)


def _wrong(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    details = [
        Detail(loc=list(one["loc"]), msg=str(one["msg"]), type=str(one["type"]))
        for one in error.errors()
    ]
    text = "; ".join(f"{one.loc[-1]}: {one.msg}" for one in details)
    return problem(422, text, errors=details)


def _unavailable(_request: Request, error: Exception) -> JSONResponse:
    # The text names the database's host, so it is for the log alone.
    logger.error("%s", error)
    return problem(503, UNAVAILABLE)


def _misconfigured(_request: Request, error: Exception) -> JSONResponse:
    logger.error("%s", error)
    return problem(503, MISCONFIGURED)


def _broken(_request: Request, _error: Exception) -> JSONResponse:
    # The server logs it with its traceback.
    return problem(500, BROKEN)
