"""The Dagster webserver as a program asks it: whether it is up, and to start sensors.

Add here what is asked over HTTP; avoid starting it (``dev``), and asking without one
(``instance``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from coordinator_pipelines.domain.errors import CoordinatorError

SENSORS = """
query Sensors {
  workspaceOrError {
    ... on Workspace {
      locationEntries {
        name
        locationOrLoadError {
          __typename
          ... on PythonError { message }
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
STOP = """
mutation Stop($sensor: SensorSelector!) { resetSensor(sensorSelector: $sensor) { __typename } }
"""


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
        try:
            return httpx.get(f"{self.url}/server_info", timeout=2).is_success
        except httpx.HTTPError:
            return False

    def run_sensors(self, wanted: Callable[[str], bool]) -> list[str]:
        """Have exactly the wanted sensors run, by name; the names of those that do.

        Raises:
            CoordinatorError: a code location cannot be loaded, or Dagster refuses.
        """
        sensors = self._sensors()
        for sensor in sensors:
            if wanted(sensor.name) and not sensor.running:
                self._ask(START, sensor=sensor.selector)
            elif sensor.running and not wanted(sensor.name):
                self._ask(STOP, sensor=sensor.selector)
        return sorted(sensor.name for sensor in sensors if wanted(sensor.name))

    def _sensors(self) -> list[Sensor]:
        found = []
        for entry in self._ask(SENSORS)["workspaceOrError"]["locationEntries"]:
            loaded = entry["locationOrLoadError"] or {}
            for repository in loaded.get("repositories", []):
                found += [
                    Sensor(
                        entry["name"],
                        repository["name"],
                        sensor["name"],
                        sensor["sensorState"]["status"] == "RUNNING",
                    )
                    for sensor in repository["sensors"]
                ]
        return found

    def _ask(self, document: str, **variables: Any) -> dict[str, Any]:
        try:
            answer = httpx.post(
                f"{self.url}/graphql",
                json={"query": document, "variables": variables},
                timeout=60,
            ).json()
        except (httpx.HTTPError, ValueError) as error:
            raise CoordinatorError(f"the Dagster webserver does not answer: {error}") from error
        if answer.get("errors"):
            raise CoordinatorError(f"Dagster: {answer['errors'][0].get('message')}")
        data: dict[str, Any] = answer["data"]
        return data
