r"""Figures as Prometheus reads them: its text format, version 0.0.4.

Add here what the format allows; avoid what is told in it. Labels may hold what participants chose:
whatever they hold stays inside its quotes.

>>> from coordinator_pipelines.domain.health.figures import gauge
>>> print(exposed([gauge("a_b", "What it is.", (1, {"x": 'say "no"\n'}))], {"in": "doc"}), end="")
# HELP a_b What it is.
# TYPE a_b gauge
a_b{in="doc",x="say \"no\"\n"} 1

https://prometheus.io/docs/instrumenting/exposition_formats
"""

from collections.abc import Iterable, Iterator, Mapping
from math import isfinite, isnan

from coordinator_pipelines.domain.health.figures import Figure

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_IN_HELP = str.maketrans({"\\": r"\\", "\n": r"\n"})
_IN_LABEL = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


def exposed(figures: Iterable[Figure], common: Mapping[str, str]) -> str:
    """The text of figures that each have ``common`` among their labels; no name comes twice."""
    return "".join(f"{line}\n" for figure in figures for line in _lines(figure, common))


def _lines(figure: Figure, common: Mapping[str, str]) -> Iterator[str]:
    yield f"# HELP {figure.name} {figure.about.translate(_IN_HELP)}"
    yield f"# TYPE {figure.name} {figure.kind}"
    for sample in figure.samples:
        labels = ",".join(
            f'{name}="{value.translate(_IN_LABEL)}"'
            for name, value in {**common, **sample.labels}.items()
        )
        yield f"{figure.name}{sample.suffix}{{{labels}}} {_number(sample.value)}"


def _number(value: float) -> str:
    if not isfinite(value):
        return "NaN" if isnan(value) else "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) and abs(value) < 2**53 else repr(value)
