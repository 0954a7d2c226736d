"""The Dagster webserver as a program asks it: whether it is up, and to start sensors.

Add here what is asked over HTTP; avoid starting it (``dev``), and asking without one
(``instance``).
"""

import time
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

import httpx

from coordinator_pipelines.domain.values.errors import CoordinatorError
from coordinator_pipelines.stack.signs_of_life import ASK_SECONDS, succeeds

LOCATIONS = """
query Locations {
  workspaceOrError {
    ... on Workspace {
      locationEntries {
        name
        locationOrLoadError {
          __typename
          ... on PythonError { message causes { message } }
          ... on RepositoryLocation {
            repositories { name sensors { name sensorState { status } } }
          }
        }
      }
    }
  }
}
"""
START = """
mutation Start($sensor: SensorSelector!) {
  startSensor(sensorSelector: $sensor) { __typename ... on PythonError { message } }
}
"""
BEATS = """
query Beats { instance { daemonHealth { allDaemonStatuses { lastHeartbeatTime } } } }
"""
BEAT_SECONDS = 180.0
"""After which the last heartbeat of a daemon is old; it makes one every half minute."""
STOP = """
mutation Stop($sensor: SensorSelector!) { resetSensor(sensorSelector: $sensor) { __typename } }
"""


def reason(error: Mapping[str, Any]) -> str:
    """What a ``PythonError`` is about: its cause, for itself it says only that loading failed."""
    return str([*error["causes"], error][0]["message"]).strip()


class WebserverError(CoordinatorError):
    """The webserver does not answer, or cannot: the same request may succeed later."""


@dataclass(frozen=True, slots=True)
class Sensor:
    """A sensor as the webserver knows it."""

    location: str
    repository: str
    name: str
    running: bool

    @property
    def selector(self) -> dict[str, str]:
        """How it is named in a request."""
        return {
            "repositoryLocationName": self.location,
            "repositoryName": self.repository,
            "sensorName": self.name,
        }


@dataclass(frozen=True, slots=True)
class Webserver:
    """A webserver at ``http://host:port``."""

    url: str

    def is_up(self) -> bool:
        """Whether it answers."""
        return succeeds(f"{self.url}/server_info")

    def sees_daemon(self) -> bool:
        """Whether Dagster's daemon has shown life lately, as far as the webserver can tell."""
        try:
            health = self._ask(BEATS, timeout=ASK_SECONDS)["instance"]["daemonHealth"]
        except (WebserverError, KeyError, TypeError):
            return True
        beats = [status["lastHeartbeatTime"] or 0.0 for status in health["allDaemonStatuses"]]
        return time.time() - max(beats, default=0.0) < BEAT_SECONDS

    def run_sensors(self, names: Set[str]) -> bool:
        """Have these sensors run and no others; whether they do: a location may not be loaded.

        Raises:
            WebserverError: nobody can tell for now, as while Dagster's database is away.
        """
        sensors = self._sensors()
        if not names <= {sensor.name for sensor in sensors}:
            return False
        for sensor in sensors:
            if sensor.name in names and not sensor.running:
                self._ask(START, sensor=sensor.selector)
            elif sensor.running and sensor.name not in names:
                self._ask(STOP, sensor=sensor.selector)
        return names <= {sensor.name for sensor in self._sensors() if sensor.running}

    def load_errors(self) -> str:
        """Why locations cannot be loaded, as their code says it; empty if they all can."""
        loads = [entry["locationOrLoadError"] or {} for entry in self._locations()]
        return "; ".join(reason(load) for load in loads if "message" in load)

    def _locations(self) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self._ask(LOCATIONS)["workspaceOrError"]["locationEntries"]
        return entries

    def _sensors(self) -> list[Sensor]:
        return [
            Sensor(
                entry["name"],
                repository["name"],
                sensor["name"],
                sensor["sensorState"]["status"] == "RUNNING",
            )
            for entry in self._locations()
            for repository in (entry["locationOrLoadError"] or {}).get("repositories", [])
            for sensor in repository["sensors"]
        ]

    def _ask(self, document: str, timeout: float = 60.0, **variables: Any) -> dict[str, Any]:
        try:
            answer = httpx.post(
                f"{self.url}/graphql",
                json={"query": document, "variables": variables},
                timeout=timeout,
            ).json()
        except (httpx.HTTPError, ValueError) as error:
            raise WebserverError(f"the Dagster webserver does not answer: {error}") from error
        if answer.get("errors"):
            raise WebserverError(f"Dagster: {answer['errors'][0].get('message')}")
        data: dict[str, Any] = answer["data"]
        return data
