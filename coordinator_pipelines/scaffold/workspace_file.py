"""``workspace.yaml``, in which Dagster finds code locations: one more entry, all else as it was.

Add here what concerns the text of that file; avoid what a location is. Lines are inserted, so
comments, order and line ends stay; the result is read again before anybody relies on it.
"""

import json
from typing import Any

import yaml

from coordinator_pipelines.domain.values.errors import ScaffoldError

HEAD = "# Code locations of this Dagster workspace: one per challenge.\n"


def with_location(text: str | None, name: str, relative_path: str) -> str:
    """The file's text with a location in it; the same text, if it is there already.

    Args:
        text: of the file; None if there is none.
        name: of the location, which is the challenge's slug.
        relative_path: of its ``definitions.py``, from the directory of the file.

    Raises:
        ScaffoldError: the file is not understood, or has another location of that name.
    """
    entry = {"python_file": {"relative_path": relative_path, "location_name": name}}
    entries = _entries(text or "", entry)
    if entry in entries:
        return text or ""
    if name in (known := [_location_name(each) for each in entries]):
        raise ScaffoldError(
            f"workspace.yaml has a location '{name}' already: {entries[known.index(name)]}; of "
            "two with one name Dagster would lose one; take it out, or choose another name"
        )
    added = _inserted(text, name, relative_path)
    if not _says(added, [*entries, entry]):
        raise _not_understood("its layout is unusual", entry)
    return added


def _entries(text: str, entry: dict[str, Any]) -> list[Any]:
    try:
        content = _parsed(text)
    except yaml.YAMLError as error:
        raise _not_understood(" ".join(str(error).split()), entry) from None
    entries = content.get("load_from") or [] if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise _not_understood("it must be a mapping with a list 'load_from'", entry)
    return entries


def _says(text: str, entries: list[Any]) -> bool:
    try:
        return bool(_parsed(text).get("load_from") == entries)
    except yaml.YAMLError:
        return False


def _parsed(text: str) -> Any:
    content = yaml.safe_load(text)
    return {} if content is None else content


def _location_name(entry: Any) -> Any:
    target = next(iter(entry.values()), None) if isinstance(entry, dict) else None
    return target.get("location_name") if isinstance(target, dict) else None


def _inserted(text: str | None, name: str, relative_path: str) -> str:
    text = HEAD if text is None else text
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    found = next((value for key, value in pairs if key.value == "load_from"), None)
    if found is None:
        return _with_lines(text, len(text), ["load_from:", *_lines(name, relative_path, 2)])
    if isinstance(found, yaml.SequenceNode) and found.flow_style:
        place = found.end_mark.index - 1
        comma = ", " if found.value else ""
        target = f"{{relative_path: {relative_path}, location_name: {json.dumps(name)}}}"
        item = f"{{python_file: {target}}}"
        return text[:place].rstrip() + comma + item + text[place:]
    if isinstance(found, yaml.SequenceNode):
        indent = found.start_mark.column
        return _with_lines(text, _end_of(text, found), _lines(name, relative_path, indent))
    return _with_lines(text, found.end_mark.index, _lines(name, relative_path, 2))


def _lines(name: str, relative_path: str, indent: int) -> list[str]:
    lines = [
        "- python_file:",
        f"    relative_path: {relative_path}",
        f"    location_name: {json.dumps(name)}",
    ]
    return [" " * indent + line for line in lines]


def _end_of(text: str, node: yaml.Node) -> int:
    """A place in the last line of a node, above the blank lines and comments that follow it."""
    lines = text[: node.end_mark.index].splitlines(keepends=True)
    while lines and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    return len("".join(lines).rstrip("\r\n"))


def _with_lines(text: str, place: int, lines: list[str]) -> str:
    """The text with lines below the one that ``place`` is in."""
    end = "\r\n" if "\r\n" in text else "\n"
    line_end = text.find("\n", place)
    place = len(text) if line_end < 0 else line_end + 1
    before = text[:place]
    gap = "" if not before or before.endswith("\n") else end
    return before + gap + "".join(line + end for line in lines) + text[place:]


def _not_understood(why: str, entry: dict[str, Any]) -> ScaffoldError:
    return ScaffoldError(f"workspace.yaml cannot be added to ({why}); add to it by hand: {entry}")
