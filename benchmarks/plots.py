"""Small SVG plots: curves over two axes, and bars. No library: a report needs two shapes and some text."""

import math
from collections.abc import Callable, Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 860, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 320, 44, 46
"""Room around the plot; the legend stands at the right."""
BAR_HEIGHT, BAR_GAP = 18, 8
BARS_LEFT, BARS_RIGHT = 350, 100
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555", "#8c6d1f", "#7b3fa0")
"""Told apart by people who see colours differently (Okabe and Ito), and some more."""
PEER_COLOUR = "#999999"
STYLE = 'font-family="sans-serif" font-size="12"'

Points = Sequence[tuple[float, float]]


def curves(title: str, series: Mapping[str, Points], *, x_ticks: Mapping[float, str], x_label: str) -> str:
    """Draw lines through points; x as given (its ticks say where), y in ms on a logarithmic scale."""
    heights = [y for points in series.values() for _, y in points if y > 0] or [1.0]
    low, high = _decade(min(heights), math.floor), _decade(max(heights), math.ceil)
    high = max(high, low * 10)
    left, right = min(x_ticks), max(x_ticks)

    def x_of(value: float) -> float:
        return LEFT + (value - left) / (right - left) * (WIDTH - LEFT - RIGHT)

    def y_of(value: float) -> float:
        share = math.log10(max(value, low) / low) / math.log10(high / low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = [_text(LEFT, 22, title, 'font-weight="bold"'), *_grid(low, high, y_of), *_ticks(x_ticks, x_of)]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x_label, 'text-anchor="middle"'))
    for number, (name, points) in enumerate(series.items()):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        y = TOP + 10 + number * 20
        begin = WIDTH - RIGHT + 16
        parts.append(f'<line x1="{begin}" x2="{begin + 20}" y1="{y}" y2="{y}" stroke="{colour}" stroke-width="3"/>')
        parts.append(_text(begin + 26, y + 4, name))
    return _svg(WIDTH, HEIGHT, parts)


def bars(title: str, groups: Mapping[str, Mapping[str, float]], *, grey: Sequence[str] = ()) -> str:
    """Draw horizontal bars; each group has a scale of its own. Those named in `grey` are not ours."""
    parts = [_text(16, 22, title, 'font-weight="bold"')]
    y = 44
    for group, values in groups.items():
        highest = max(values.values(), default=0.0) or 1.0
        parts.append(_text(16, y + 12, group, 'fill="#555"'))
        y += 24
        for name, value in values.items():
            width = value / highest * (WIDTH - BARS_LEFT - BARS_RIGHT)
            colour = PEER_COLOUR if name in grey else COLOURS[0]
            parts.append(_text(BARS_LEFT - 8, y + 13, name, 'text-anchor="end"'))
            parts.append(f'<rect x="{BARS_LEFT}" y="{y}" width="{width:.1f}" height="{BAR_HEIGHT}" fill="{colour}"/>')
            parts.append(_text(BARS_LEFT + width + 6, y + 13, f"{value:,.0f}/s"))
            y += BAR_HEIGHT + BAR_GAP
        y += 12
    return _svg(WIDTH, y, parts)


def nines(percent: float) -> float:
    """Where a percentile stands on an axis that gives each further nine the same room: 90 → 1, 99 → 2."""
    assert 0 <= percent < 100
    return -math.log10(1 - percent / 100)


def _decade(value: float, rounded: Callable[[float], int]) -> float:
    return float(10.0 ** rounded(math.log10(value)))


def _grid(low: float, high: float, y_of: Callable[[float], float]) -> list[str]:
    parts = []
    for power in range(round(math.log10(low)), round(math.log10(high)) + 1):
        for factor in (1, 2, 5):
            value = factor * 10.0**power
            if value <= high * 1.001:
                y = y_of(value)
                parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
                parts.append(_text(LEFT - 6, y + 4, f"{value:g} ms", 'text-anchor="end"'))
    return parts


def _ticks(ticks: Mapping[float, str], x_of: Callable[[float], float]) -> list[str]:
    parts = []
    for value, name in ticks.items():
        x = x_of(value)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" stroke="#eee"/>')
        parts.append(_text(x, HEIGHT - BOTTOM + 18, name, 'text-anchor="middle"'))
    return parts


def _text(x: float, y: float, text: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" {more}>{escape(text)}</text>'


def _svg(width: int, height: int, parts: Sequence[str]) -> str:
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {STYLE}>',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        *parts,
        "</svg>",
    ]
    return "\n".join(lines) + "\n"
