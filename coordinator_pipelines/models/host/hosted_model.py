"""One model on this host, over all its deployments: started, watched, replaced, stopped.

Add here when a deployment begins and ends; avoid how (``deployment``) and whom it concerns
(``announcer``). Each deployment has a new id and a new socket; STOPPED or RECOVERING of the old
one and RUNNING of the new one are separate updates, since clients mishandle them in one.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from coordinator_pipelines.domain.doors.models import Member
from coordinator_pipelines.models import submission
from coordinator_pipelines.models.host.deployment import Deployment, NotReadyError, Setting
from coordinator_pipelines.models.model_log import Log
from coordinator_pipelines.models.requirements import RequirementsError
from coordinator_pipelines.models.submission import Signature

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
FIRST_BACKOFF_SECONDS, LAST_BACKOFF_SECONDS = 1.0, 60.0
STABLE_SECONDS = 60.0
"""How long a deployment must have run for its end to count as the first one."""
REPLACE_SECONDS = 5.0
"""How long a replaced deployment stays, for clients to go over to the new one."""
UNTIL_CHANGED = "waiting until its files change"
_numbers = itertools.count(1)


class HostedModel:
    """A model and its deployment of the moment. ``publish``: hears each change of state."""

    def __init__(
        self,
        member: Member,
        directory: Path,
        setting: Setting,
        log_dir: Path,
        publish: Callable[["HostedModel", Deployment, str], None],
    ) -> None:
        self.member = member
        self.running: Deployment | None = None
        self.starting: Deployment | None = None
        self.deployment_id = ""
        self.status = "RUNNER_INITIALIZING"
        self.message: str | None = None
        self.log_path = log_dir / f"{member.model_id}.log"
        self._directory = directory
        self._setting = setting
        self._publish = publish
        self._log = Log(self.log_path)
        self._backoff = FIRST_BACKOFF_SECONDS
        self._reported: str | None = None
        self._task: asyncio.Task[None] | None = None
        self._replacements: set[asyncio.Task[None]] = set()

    @property
    def stopped_for_good(self) -> bool:
        """Whether it stays stopped until its files change."""
        return self.status == "RUNNER_STOPPED"

    def begin(self) -> None:
        """Run the model from now on."""
        self._task = asyncio.ensure_future(self._run())

    def report(self, code: str) -> None:
        """A client has given the model up: stop it until its files change."""
        self._reported = code

    async def end(self) -> None:
        """Stop the model and leave."""
        tasks = [*self._replacements, *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._retire("STOPPED")
        await asyncio.to_thread(self._log.close)

    async def _run(self) -> None:
        while True:
            signature = await self._look()
            try:
                await self._deploy()
            except NotReadyError as error:
                await self._could_not_start(error, signature)
                continue
            except Exception as error:
                logger.exception("model %s", self.member.model_id)
                unforeseen = NotReadyError(f"it cannot be started: {type(error).__name__}")
                await self._could_not_start(unforeseen, signature)
                continue
            await self._watch(signature)

    async def _deploy(self) -> None:
        """Start a new deployment and, once it works, let it take the old one's place."""
        number = next(_numbers)
        stamp = datetime.now(UTC).strftime("%Y%m%d_%H%M%S")
        fresh = Deployment(
            self._setting, f"{self.member.model_id}_{stamp}_{number}", number, self._log
        )
        self._note(f"deployment {fresh.deployment_id} is starting")
        self.starting = fresh
        try:
            await self._bring_up(fresh)
        except BaseException:
            await self._stop(fresh)
            raise
        finally:
            self.starting = None
        old, self.running, self._reported = self.running, fresh, None
        self.deployment_id, self.status, self.message = fresh.deployment_id, "RUNNER_RUNNING", None
        self._publish(self, fresh, "RUNNING")
        if old is None:
            self._note(f"joined as deployment {fresh.deployment_id}")
        else:
            self._note(f"redeployed as {fresh.deployment_id} in place of {old.deployment_id}")
            retiring = asyncio.ensure_future(self._replaced(old))
            self._replacements.add(retiring)
            retiring.add_done_callback(self._replacements.discard)

    async def _replaced(self, old: Deployment) -> None:
        """Stop a deployment when clients have gone over to the next, and its last calls ended."""
        try:
            await asyncio.sleep(REPLACE_SECONDS)
        finally:
            self._publish(self, old, "STOPPED")
            await self._stop(old)

    async def _bring_up(self, fresh: Deployment) -> None:
        try:
            await asyncio.to_thread(fresh.prepare, self._directory)
        except OSError as error:
            raise NotReadyError(f"its files cannot be used: {error}") from error
        try:
            environment = await self._setting.environments.of(fresh.code, self._log)
        except RequirementsError as error:
            raise NotReadyError(str(error), for_good=error.for_good) from error
        except OSError as error:
            raise NotReadyError(f"its requirements cannot be installed: {error}") from error
        try:
            await asyncio.to_thread(fresh.start, environment)
        except OSError as error:
            raise NotReadyError(f"no process can be started: {error}") from error
        await fresh.prove()
        if self._setting.gateway is not None:
            try:
                fresh.address = self._setting.gateway.open(fresh.deployment_id, fresh.socket)
            except OSError as error:
                raise NotReadyError(f"it cannot be reached from elsewhere: {error}") from error

    async def _could_not_start(self, error: NotReadyError, tried: Signature) -> None:
        """Leave an older deployment running; else try again, later each time."""
        self.message = str(error)
        if self.running is not None:
            self._note(f"not redeployed, the old deployment goes on: {error}")
            await self._watch(tried)
            return
        self.status = "RUNNER_FAILED"
        then = UNTIL_CHANGED if error.for_good else self._again()
        self._note(f"not started, {then}: {error}")
        await self._pause(tried, forever=error.for_good)

    async def _pause(self, signature: Signature, *, forever: bool = False) -> None:
        """Wait for the files to change or, unless ``forever``, for the backoff to pass."""
        until = time.monotonic() + self._backoff
        self._backoff = min(2 * self._backoff, LAST_BACKOFF_SECONDS)
        while forever or time.monotonic() < until:
            if await self._changed(signature):
                self._backoff = FIRST_BACKOFF_SECONDS
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _watch(self, signature: Signature) -> None:
        """Until the files change, the process ends, or a client gives the model up."""
        began = time.monotonic()
        while self.running is not None:
            if await self._changed(signature):
                self._note("its files have changed")
                return
            if self._reported is not None:
                code, self._reported = self._reported, None
                self._note(f"stopped on report of {code}, {UNTIL_CHANGED}")
                self.status, self.message = "RUNNER_STOPPED", f"reported as {code}"
                await self._retire("STOPPED")
                await self._pause(signature, forever=True)
                return
            if ended := self.running.ended():
                if time.monotonic() - began > STABLE_SECONDS:
                    self._backoff = FIRST_BACKOFF_SECONDS
                self._note(f"{ended}, {self._again()}")
                self.status, self.message = "RUNNER_FAILED", f"{ended}; restarting"
                await self._retire("RECOVERING")
                await self._pause(signature)
                return
            await asyncio.sleep(POLL_SECONDS)

    def _again(self) -> str:
        return f"restarting in {self._backoff:g} s"

    async def _retire(self, state: str) -> None:
        old, self.running = self.running, None
        if old is not None:
            self._publish(self, old, state)
            await self._stop(old)

    async def _stop(self, deployment: Deployment) -> None:
        if self._setting.gateway is not None:
            self._setting.gateway.close(deployment.deployment_id)
        await asyncio.shield(asyncio.to_thread(deployment.stop))

    async def _changed(self, since: Signature) -> bool:
        return await self._look() != since

    async def _look(self) -> Signature:
        return await asyncio.to_thread(submission.signature, self._directory)

    def _note(self, text: str) -> None:
        logger.info("model %s: %s", self.member.model_id, text)
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._log.say(f"-- {stamp} host: {text}\n".encode())

    def infos(self) -> dict[str, Any]:
        """Who the model is, as clients are told."""
        return {
            "model_name": self.member.name,
            "cruncher_id": self.member.owner_id,
            "cruncher_name": self.member.owner,
            "cruncher_wallet_pubkey": self.member.owner_id,
            "cruncher_hotkey": None,
        }
