"""What a new challenge is called, on which preset it is built, and which spec version it speaks.

Add here what is decided before a spec is looked at as a whole; avoid its other fields. The
messages are the original's.
"""

from typing import Any

from coordinator_pipelines.domain.spec.challenge import SLUG
from coordinator_pipelines.domain.spec.presets import PRESETS
from coordinator_pipelines.domain.values.errors import SpecError

DEFAULT_PRESET = "baseline"


def require_version(spec: dict[str, Any]) -> None:
    """Check that a spec file says for which version it was written.

    Raises:
        SpecError: it does not, or it is for another one.
    """
    if spec.get("spec_version") is None:
        raise SpecError("Spec missing required 'spec_version'. Supported version: '1'.")
    if spec["spec_version"] != "1" and not _is_number(spec["spec_version"], 1):
        given = spec["spec_version"]
        raise SpecError(f"Unsupported spec_version {given!r:.80}. Supported version: '1'.")


def chosen_name(argument: str | None, spec: dict[str, Any]) -> str:
    """The slug: from the command line, the spec, or both if they agree.

    Raises:
        SpecError: there is none, they differ, or it is no slug.
    """
    written = spec.get("name")
    inside = str(written) if isinstance(written, str) or _is_number(written) else None
    if written is not None and inside is None:
        raise SpecError(f"name: must be text (value {written!r:.80})")
    if argument is not None and inside is not None and argument != inside:
        raise SpecError(
            f"Name mismatch: CLI name {argument!r:.80} does not match spec name {inside!r:.80}."
        )
    name = argument if argument is not None else inside
    if name is None:
        raise SpecError("Challenge name required. Provide <name> or include 'name' in --spec.")
    if not SLUG.fits(name):
        raise SpecError(
            "Invalid challenge name. Use lowercase slug format like 'btc-trader' (letters, "
            f"numbers, single dashes; at most {SLUG.longest} characters), not {name!r:.80}."
        )
    return name


def chosen_preset(argument: str | None, spec: dict[str, Any]) -> str:
    """The preset: from the command line, else from the spec, else ``baseline``.

    Raises:
        SpecError: there is none of that name.
    """
    given = argument if argument is not None else spec.get("preset")
    if given is None:
        return DEFAULT_PRESET
    if isinstance(given, str) and not given.strip():
        raise SpecError("Preset name cannot be empty")
    if not isinstance(given, str) or given not in PRESETS:
        allowed = ", ".join(sorted(PRESETS))
        raise SpecError(f"Unknown preset {given!r:.80}. Allowed presets: {allowed}")
    return given


def _is_number(value: Any, wanted: int | None = None) -> bool:
    """Whether a value is a whole number (the one that is wanted); the original took those too."""
    return type(value) is int and wanted in (None, value)
