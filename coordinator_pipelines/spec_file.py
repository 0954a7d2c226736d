"""Challenge specs as files: from a path to a checked challenge, and back to text.

Add here what depends on where a spec lies; avoid its syntax (``spec_text``) and its meaning
(``domain.spec.challenge``).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from coordinator_pipelines.domain.spec.challenge import Challenge
from coordinator_pipelines.domain.spec.checked import checked_challenge
from coordinator_pipelines.domain.spec.feed import AnyFeedSpec, FileFeedSpec
from coordinator_pipelines.domain.values.errors import SpecError
from coordinator_pipelines.spec_text import parse_json, parse_yaml, to_yaml

SYNTAXES = {".json": parse_json, ".yaml": parse_yaml, ".yml": parse_yaml}
COMPONENT = "coordinator_pipelines.Challenge"


def load_challenge(path: Path) -> Challenge:
    """The challenge of a ``.json``, ``.yaml`` or ``.yml`` file.

    Relative paths in the spec (``path`` of feeds, ``models_file``) are meant from the directory of
    the file.

    Raises:
        SpecError: the file cannot be read, or the spec is wrong; the text starts with the path.
    """
    return challenge_of(read_spec(path), path)


def challenge_of(raw: object, path: Path) -> Challenge:
    """The challenge that the content of a file describes, for files of which it is a part.

    Raises:
        SpecError: the spec is wrong; the text starts with the path.
    """
    try:
        return _placed(checked_challenge(raw), path.absolute().parent)
    except SpecError as error:
        raise located(path, error) from None


def read_spec(path: Path) -> dict[str, Any]:
    """What a spec file says, unchecked but for its syntax.

    In the ``defs.yaml`` of a Dagster component, the spec is what ``attributes`` says.

    Raises:
        SpecError: it cannot be read, or is no mapping; the text starts with the path.
    """
    try:
        raw = _syntax(path)(_text(path))
        if isinstance(raw, dict) and raw.get("type") == COMPONENT:
            raw = raw.get("attributes")
        if not isinstance(raw, dict):
            raise SpecError("a spec must be a mapping of fields to values")
    except SpecError as error:
        raise located(path, error) from None
    return raw


def located(path: Path, error: SpecError) -> SpecError:
    """The same error, with the path of the file that it is about."""
    text = str(error)
    if "\n" not in text:
        return SpecError(f"{path}: {text}")
    lines = (f"  {line}" for line in text.split("\n"))
    return SpecError("\n".join([f"{path}: the spec is refused:", *lines]))


def dump_challenge(challenge: Challenge) -> str:
    """The fully resolved spec as YAML: loading it gives an equal challenge.

    The challenge's paths are written as they are: absolute, if it was loaded from a file.
    """
    return to_yaml(challenge.model_dump(mode="json"))


def _syntax(path: Path) -> Callable[[str], Any]:
    syntax = SYNTAXES.get(path.suffix.lower())
    if syntax is None:
        raise SpecError(f"a spec's name must end in {', '.join(SYNTAXES)}")
    return syntax


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise SpecError("there is no such file") from None
    except IsADirectoryError:
        raise SpecError("this is a directory; name the spec file in it") from None
    except OSError as error:
        raise SpecError(f"the file cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SpecError(f"the file is not UTF-8 text (byte {error.start})") from None


def _placed(challenge: Challenge, directory: Path) -> Challenge:
    changed: dict[str, object] = {"models_file": directory / challenge.models_file}
    changed["feed"] = _placed_feed(challenge.feed, directory)
    if reference := challenge.reference_feed:
        placed = {"feed": _placed_feed(reference.feed, directory)}
        changed["reference_feed"] = reference.model_copy(update=placed)
    return challenge.model_copy(update=changed)


def _placed_feed(feed: AnyFeedSpec, directory: Path) -> AnyFeedSpec:
    if not isinstance(feed, FileFeedSpec):
        return feed
    return feed.model_copy(update={"path": directory / feed.path})
