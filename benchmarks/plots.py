"""The report's SVG plots, drawn by matplotlib: latency curves, and bars of throughput."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

WIDTH_INCHES, HEIGHT_INCHES = 10.0, 4.6
BAR_INCHES, BARS_FRAME_INCHES = 0.32, 0.9
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555", "#8c6d1f", "#7b3fa0")
"""Colours that people with colour-blindness tell apart (Okabe and Ito), and some more."""
PEER_COLOUR = "#999999"
LATENCY_MS_MIN = 0.001
"""The value that stands for 0 on a logarithmic axis."""

_SETTINGS: Any = {"svg.fonttype": "none", "svg.hashsalt": "veloconnect", "font.size": 9}
"""Text stays text, and the same report gives the same bytes."""

Points = Sequence[tuple[float, float]]


def curves(title: str, series: Mapping[str, Points], *, x_ticks: Mapping[float, str], x_label: str) -> str:
    """Return an SVG of lines through points: x with the given ticks, y in ms on a logarithmic scale."""
    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title)
    axes.set_xlabel(x_label)
    axes.set_xticks(list(x_ticks), list(x_ticks.values()))
    axes.set_xlim(min(x_ticks), max(x_ticks))
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} ms"))
    axes.grid(visible=True, which="both", color="#dddddd")
    for number, (name, points) in enumerate(series.items()):
        x, y = zip(*points, strict=True)
        axes.plot(
            x,
            [max(value, LATENCY_MS_MIN) for value in y],
            label=name,
            color=COLOURS[number % len(COLOURS)],
            linewidth=2,
        )
    if series:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return _svg(figure)


def bars(title: str, values: Mapping[str, float], *, grey: Sequence[str] = ()) -> str:
    """Return an SVG with a horizontal bar for each rate per second, first on top; bars named in `grey` are peers."""
    height = BARS_FRAME_INCHES + BAR_INCHES * len(values)
    figure = Figure(figsize=(WIDTH_INCHES, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title)
    colours = [PEER_COLOUR if name in grey else COLOURS[0] for name in values]
    drawn = axes.barh(list(values), list(values.values()), color=colours)
    axes.bar_label(drawn, [f"{value:,.0f}/s" for value in values.values()], padding=4)
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.margins(x=0.12)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    return _svg(figure)


def nines(percent: float) -> float:
    """Return the position of a percentile on an axis that gives each further nine the same length: 90 → 1, 99 → 2."""
    assert 0 <= percent < 100
    return -math.log10(1 - percent / 100)


def _svg(figure: Figure) -> str:
    file = io.StringIO()
    with mpl.rc_context(_SETTINGS):
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()
