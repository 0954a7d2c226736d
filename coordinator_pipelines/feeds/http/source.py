"""Asking one vendor over HTTP: politely, patiently, within bounds, without telling secrets.

Add here what holds for every vendor: limits, retries, time-outs, what is said when it fails.
Avoid what one vendor means by an answer: that is the ``read`` that its provider brings.
"""

import re
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from threading import Event
from typing import TypeVar

import httpx
from pydantic import SecretStr
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    wait_exponential_jitter,
)

from coordinator_pipelines import __version__
from coordinator_pipelines.domain.feed_record.access import DEFAULT_PATIENCE_SECONDS
from coordinator_pipelines.domain.values.errors import (
    FeedConfigurationError,
    FeedDataError,
    FeedUnavailableError,
)
from coordinator_pipelines.feeds.http.answer import Answer
from coordinator_pipelines.feeds.http.rate_limit import RateLimit
from coordinator_pipelines.feeds.http.time_out import in_time
from coordinator_pipelines.feeds.http.timer import Timer

T = TypeVar("T")
Parameters = Sequence[tuple[str, str | int]]

ATTEMPTS = 5
TIMEOUT_SECONDS = 5.0
"""For one attempt, from looking up the name to the end of the answer."""
SHORTEST_ATTEMPT_SECONDS = 1.0
"""No attempt begins with less than this left."""
LARGEST_ANSWER_BYTES = 16 * 2**20
PAUSE_SECONDS = 60.0
"""After 429 without Retry-After: the period in which vendors count."""
BAN_SECONDS = 600.0
"""After 418 without Retry-After."""
LONGEST_QUOTE = 200
OVERLOADED = (408, 425)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class HttpSource:
    """One vendor at one base URL. Safe to share between threads; ``close`` it, or keep it."""

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        variable: str,
        limit: RateLimit,
        timer: Timer,
        key: SecretStr | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        patience_seconds: float = DEFAULT_PATIENCE_SECONDS,
    ) -> None:
        """``variable``: what the environment calls the base URL. ``key``: sent as bearer token.

        No call of :meth:`get` takes longer than ``patience_seconds``, no attempt longer than
        ``timeout_seconds``.

        Raises:
            FeedConfigurationError: the base URL or the key is nothing that can be used.
        """
        url = _checked_url(base_url, name, variable, with_key=key is not None)
        self.name = name
        self.limit = limit
        self._place = f"{name} ({url.host})"
        self._timer = timer
        self._key = key
        self._timeout_seconds = timeout_seconds
        self._patience_seconds = patience_seconds
        headers = {
            "user-agent": f"coordinator-pipelines/{__version__}",
            "accept": "application/json",
            "cache-control": "no-cache",
        }
        if key:
            headers["authorization"] = f"Bearer {_checked_key(key, name)}"
        self._client = httpx.Client(base_url=url, headers=headers, timeout=timeout_seconds)

    def get(self, path: str, parameters: Parameters, read: Callable[[Answer], T]) -> T:
        """What ``read`` makes of the answer; asked again, a few times, while that may help.

        ``read`` gets every answer but overload, failure of the vendor (5xx) and redirection.

        Raises:
            FeedUnavailableError: no answer, failure or overload, still after the last attempt;
                or the vendor wants a pause that is too long to wait for.
            FeedDataError: ``read`` refused the answer, still after the last attempt.
            FeedConfigurationError: ``read`` found a mistake in the settings: not asked again.
        """
        give_up_at = self._timer.monotonic() + self._patience_seconds
        attempts = Retrying(
            retry=retry_if_exception_type((FeedUnavailableError, FeedDataError)),
            stop=partial(self._gives_up, give_up_at),
            wait=wait_exponential_jitter(initial=1, max=20, jitter=1),
            sleep=self._timer.sleep,
            reraise=True,
        )
        value: T = attempts(self._once, give_up_at, path, parameters, read)
        return value

    def refusal(self, answer: Answer, advice: str) -> FeedConfigurationError:
        """The error for an answer that no repetition will change."""
        return FeedConfigurationError(
            f"{self._place} refused the request with HTTP {answer.status}"
            f"{self._quoted(answer)}. {advice}"
        )

    @property
    def has_key(self) -> bool:
        """Whether requests carry a key."""
        return self._key is not None

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _gives_up(self, give_up_at: float, state: RetryCallState) -> bool:
        """Whether that was the last attempt: the next one, after all pauses, comes too late."""
        if state.attempt_number >= ATTEMPTS:
            return True
        pause, error = state.upcoming_sleep, state.outcome and state.outcome.exception()
        if isinstance(error, FeedUnavailableError) and error.not_before:
            pause = max(pause, (error.not_before - self._timer.now()).total_seconds())
        return self._timer.monotonic() + pause + SHORTEST_ATTEMPT_SECONDS > give_up_at

    def _once(
        self, give_up_at: float, path: str, parameters: Parameters, read: Callable[[Answer], T]
    ) -> T:
        left = give_up_at - self._timer.monotonic()
        self.limit.wait(self._place, left - SHORTEST_ATTEMPT_SECONDS)
        left = give_up_at - self._timer.monotonic()
        answer = self._asked(path, parameters, min(self._timeout_seconds, left))
        self._heed(answer)
        try:
            return read(answer)
        except FeedDataError as error:
            raise FeedDataError(f"{self._place}: {error}") from error

    def _asked(self, path: str, parameters: Parameters, seconds: float) -> Answer:
        try:
            return in_time(partial(self._exchange, path, parameters, seconds), seconds)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise self._unavailable(f"no answer within {seconds:.3g} s") from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise self._unavailable(f"{type(error).__name__}: {error}") from error

    def _exchange(
        self, path: str, parameters: Parameters, seconds: float, given_up: Event
    ) -> Answer:
        content = bytearray()
        with self._client.stream("GET", path, params=list(parameters), timeout=seconds) as response:
            for part in response.iter_bytes():
                content += part
                if given_up.is_set() or len(content) > LARGEST_ANSWER_BYTES:
                    raise self._unavailable(f"an answer that did not end in {len(content):,} bytes")
            return Answer(response.status_code, response.headers, bytes(content))

    def _heed(self, answer: Answer) -> None:
        """Keep the pause that the vendor wants, and tell its failures from its answers."""
        if answer.status == 418:
            raise self._withheld(answer, "banned this address", BAN_SECONDS)
        if answer.status == 429:
            raise self._withheld(answer, "wants not to be asked", PAUSE_SECONDS)
        if answer.status >= 500 or answer.status in OVERLOADED:
            raise self._unavailable(f"HTTP {answer.status}{self._quoted(answer)}")
        if 300 <= answer.status < 400:
            raise self.refusal(answer, "It redirects elsewhere; set the base URL to that.")

    def _withheld(self, answer: Answer, what: str, default: float) -> FeedUnavailableError:
        """The error for a pause that the vendor wants, and the pause itself, for all callers."""
        pause = answer.retry_after_seconds(default, self._timer.now())
        self.limit.hold(pause)
        until = self._timer.now() + timedelta(seconds=pause)
        return FeedUnavailableError(
            f"{self._place} {what} until {until:%Y-%m-%d %H:%M:%S} UTC (HTTP {answer.status}"
            f"{self._quoted(answer)}). It is not asked before; run the window again then.",
            not_before=until,
        )

    def _unavailable(self, what: str) -> FeedUnavailableError:
        return FeedUnavailableError(
            f"{self._place} did not answer as it should: {self._without_key(what)}. It was asked "
            f"up to {ATTEMPTS} times in {self._patience_seconds:g} s; run the window again later."
        )

    def _quoted(self, answer: Answer) -> str:
        text = " ".join(answer.content[: 4 * LONGEST_QUOTE].decode(errors="replace").split())
        shown = "".join(c if c.isprintable() else "?" for c in self._without_key(text))
        return f": {shown[:LONGEST_QUOTE]}" if shown else ""

    def _without_key(self, text: str) -> str:
        return text.replace(self._key.get_secret_value(), "***") if self._key else text


def _checked_url(text: str, name: str, variable: str, *, with_key: bool) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL("")
    # The text itself is not shown, since it may hold a password.
    if url.scheme not in ("http", "https") or not url.host:
        raise FeedConfigurationError(
            f"{variable} is no URL of {name}. Write it like https://example.org or unset it."
        )
    if url.userinfo or url.query or url.fragment:
        raise FeedConfigurationError(
            f"{variable} has more than host and path. Take out user, password, '?' and '#'."
        )
    if with_key and url.scheme == "http" and url.host not in LOOPBACK:
        raise FeedConfigurationError(
            f"{variable} starts with http:, and would send the key of {name} for all to read. "
            "Write https:."
        )
    return url


def _checked_key(key: SecretStr, name: str) -> str:
    if not re.fullmatch(r"[!-~]+", key.get_secret_value()):
        raise FeedConfigurationError(
            f"the API key of {name} has a blank or a sign that no key has. Copy it anew."
        )
    return key.get_secret_value()
