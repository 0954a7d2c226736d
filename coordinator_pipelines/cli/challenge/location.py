"""Where the challenges of this machine are: the starter's location, and those made by a demo.

Add here what finds or writes a code location; avoid running anything in it.
"""

from importlib import resources
from pathlib import Path

from coordinator_pipelines import private, settings
from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.feed import FileFeedSpec
from coordinator_pipelines.domain.values.errors import FeedConfigurationError
from coordinator_pipelines.scaffold.names import public_package
from coordinator_pipelines.spec_file import dump_challenge, load_challenge
from coordinator_pipelines.stack.workspaces import Location, serve, workspace_of

STARTER = resources.files("coordinator_pipelines.starter")


def starter_spec() -> Path:
    """The spec of the built-in challenge."""
    return Path(str(STARTER / "spec.yaml"))


def starter() -> Location:
    """The built-in challenge."""
    spec = starter_spec()
    challenge = load_challenge(spec)
    workspace = workspace_of(challenge)
    workspace.write_text((STARTER / "workspace.yaml").read_text())
    return Location(challenge, spec, workspace)


def load_challenge_with_code(spec: Path) -> Challenge:
    """The challenge of a spec; what is in the public package beside its node can be imported.

    Raises:
        SpecError: the spec cannot be read, or is wrong.
    """
    if package := public_package(spec.absolute().parent):
        settings.share_imports(package)
    return load_challenge(spec)


def of_spec(spec: Path) -> Location:
    """The challenge of a spec: served by the definitions beside it, or by some that are written.

    Raises:
        FeedConfigurationError: another price file already gave its name to a challenge.
    """
    challenge = load_challenge_with_code(spec)
    definitions = spec.absolute().with_name("definitions.py")
    if not definitions.is_file():
        return derived(challenge)
    workspace = workspace_of(challenge)
    return Location(challenge, spec, serve(workspace, str(definitions), challenge.name))


def directory_of(name: str) -> Path:
    """Where a challenge of its own has its files."""
    return settings.home() / "challenges" / name


def derived(challenge: Challenge, models: str | None = None) -> Location:
    """A challenge of its own with a spec, a code location and a database under home.

    ``models``: content of its ``models.yaml``, if it has one of its own.

    Raises:
        FeedConfigurationError: another price file already gave its name to a challenge.
    """
    directory = private.directory(directory_of(challenge.name))
    spec = directory / "spec.yaml"
    _require_same_prices(challenge, spec)
    if models is not None:
        (directory / "models.yaml").write_text(models)
    spec.write_text(dump_challenge(challenge))
    template = Path(__file__).with_name("templates") / "definitions.py.txt"
    (directory / "definitions.py").write_text(template.read_text())
    served = serve(workspace_of(challenge), f"{challenge.name}/definitions.py", challenge.name)
    return Location(challenge, spec, served)


def _require_same_prices(challenge: Challenge, spec: Path) -> None:
    """A file that was moved is the same one; two that exist are two feeds."""
    if not spec.exists():
        return
    known, new = load_challenge(spec).feed, challenge.feed
    if (
        isinstance(known, FileFeedSpec)
        and isinstance(new, FileFeedSpec)
        and known.path != new.path
        and Path(known.path).exists()
    ):
        raise FeedConfigurationError(
            f"{challenge.name} is the challenge on {known.path}; copy {new.path} to a file of "
            "another name: each file has a challenge and a database of its own"
        )
