"""Draws how the main tables belong together, as a picture in the page: docs/database-schema.md.

Add a table to ``COLUMNS`` to draw it; avoid lines by hand: they follow from the keys. A table
points to another one if it has all columns of that one's key, directly and not by way of a third.
"""

from itertools import permutations

from coordinator_pipelines.storage.tables import metadata

PAGE, MARK = "database-schema.md", "<!-- diagram -->"
COLUMNS = (
    (
        "scheduled_prediction_configs", "feed_records", "models", "model_memberships",
        "leaderboards",
    ),
    ("ground_truths", "rounds", "predictions", "scores", "model_scores", "score_statistics"),
)  # fmt: skip
ID_OF = {"scheduled_prediction_configs": "prediction_config_id", "models": "model_id"}
WIDTH, GAP, LINE, ROW, EDGE = 216, 110, 17, 120, 6


def on_page_markdown(markdown: str, page, **_) -> str:
    """The page with the diagram."""
    return markdown.replace(MARK, drawing()) if page.file.src_uri == PAGE else markdown


def drawing() -> str:
    """The diagram as an element of the page."""
    places = {
        name: (EDGE + column * (WIDTH + GAP), EDGE + row * ROW)
        for column, names in enumerate(COLUMNS)
        for row, name in enumerate(names)
    }
    lines = [_line(places, *pair) for pair in pointers(set(places))]
    boxes = [_box(name, *place) for name, place in places.items()]
    width = len(COLUMNS) * (WIDTH + GAP) - GAP + 2 * EDGE
    height = max(map(len, COLUMNS)) * ROW
    said = "Tables and what identifies their rows; a line leads to what a row belongs to"
    return (
        f'<div class="diagram" tabindex="0" role="group" aria-label="{said}">'
        f'<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">'
        f"{''.join(lines + boxes)}</svg></div>\n\n{said}.\n"
    )


def pointers(names: set[str]) -> list[tuple[str, str]]:
    """Pairs of tables of which the first points to the second, without detours."""
    keys = {name: _key(name) for name in names}
    held = {name: keys[name] | set(metadata.tables[name].columns.keys()) for name in names}
    place = {name: number for number, name in enumerate(metadata.tables)}
    found = {
        (one, other)
        for one, other in permutations(names, 2)
        if keys[other] <= held[one]
        and (keys[other] != keys[one] or place[other] < place[one])
        and not (keys[one] < keys[other])
    }
    detours = {
        (one, other)
        for one, other in found
        if any((one, third) in found and (third, other) in found for third in names)
    }
    return sorted(found - detours)


def _key(name: str) -> frozenset[str]:
    columns = metadata.tables[name].info["key"]
    return frozenset(ID_OF[name] if column == "id" else column for column in columns)


def _height(name: str) -> int:
    return (len(metadata.tables[name].info["key"]) + 1) * LINE + 8


def _box(name: str, x: int, y: int) -> str:
    keys = "".join(
        f'<text class="key" x="{x + 8}" y="{y + (line + 2) * LINE}" font-size="12">{each}</text>'
        for line, each in enumerate(metadata.tables[name].info["key"])
    )
    return (
        f'<a href="#{name}"><rect x="{x}" y="{y}" width="{WIDTH}" height="{_height(name)}" rx="4"/>'
        f'<text x="{x + 8}" y="{y + LINE}" font-size="12" font-weight="bold" fill="currentColor">'
        f"{name}</text>{keys}</a>"
    )


def _line(places: dict[str, tuple[int, int]], one: str, other: str) -> str:
    """From a table up its own column, or by way of the gap to the column on its left."""
    (x, y), (to_x, to_y) = places[one], places[other]
    if x == to_x:
        x, to_x, to_y = x + WIDTH // 2, to_x + WIDTH // 2, to_y + _height(other)
        path = f"M{x} {y} L{to_x} {to_y}"
    else:
        y, to_x, to_y = y + _height(one) // 2, to_x + WIDTH, to_y + _height(other) // 2
        middle = (x + to_x) // 2
        path = f"M{x} {y} C{middle} {y} {middle} {to_y} {to_x} {to_y}"
    return (
        f'<path d="{path}" fill="none" stroke="currentColor" stroke-opacity="0.6"/>'
        f'<circle cx="{to_x}" cy="{to_y}" r="3" fill="currentColor"/>'
    )
