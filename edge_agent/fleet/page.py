"""Many rooms on one page: a tile for each, worst first. One file, without scripts. Pure.

Whoever serves it decides who may see it; it holds names of rooms, states and reasons, no secret.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from html import escape

from edge_agent.rules.fleet import Rank, Standing

#: Words and shapes beside colours: not everybody sees red and green.
_NAMES = {
    Rank.LOSING: ("✕", "losing a lecture now"),
    Rank.WILL_LOSE: ("▲", "will lose the next lecture"),
    Rank.LOOK: ("◆", "to be looked at"),
    Rank.WELL: ("●", "well"),
}
_STYLE = """
:root { color-scheme: light dark; --bg: #f6f5f2; --tile: #fff; --ink: #1c1b19; --soft: #5b5852;
  --losing: #b3141d; --will-lose: #8a4b00; --look: #1d5fa8; --well: #1f6b34; }
@media (prefers-color-scheme: dark) { :root { --bg: #161513; --tile: #22201d; --ink: #f2f0ea;
  --soft: #b9b4a8; --losing: #ff8a80; --will-lose: #ffb861; --look: #8ec5ff; --well: #7fd695; } }
* { box-sizing: border-box; }
body { margin: 0; padding: 1.25rem; background: var(--bg); color: var(--ink);
  font: 1rem/1.4 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; align-items: baseline; }
h1 { font-size: 1.3rem; margin: 0; }
h2 { font-size: 1rem; margin: 1.5rem 0 .6rem; }
p { margin: 0; color: var(--soft); }
ul { list-style: none; margin: 0; padding: 0; display: grid; gap: .7rem;
  grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)); }
li { background: var(--tile); border-radius: .5rem; padding: .7rem .9rem;
  border-inline-start: .4rem solid var(--rank); overflow-wrap: anywhere; }
li strong { font-size: 1.1rem; }
li b { color: var(--rank); }
.losing { --rank: var(--losing); } .will_lose { --rank: var(--will-lose); }
.look { --rank: var(--look); } .well { --rank: var(--well); }
h2.losing, h2.will_lose, h2.look, h2.well { color: var(--rank); }
"""


def page(standings: Iterable[Standing], at: datetime, every_s: int, site: str = "") -> str:
    """The document. `at`: when the rooms were asked; `every_s`: how often a browser asks anew."""
    tiles = list(standings)
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="refresh" content="{max(5, every_s)}">',
        f"<title>{escape(_title(tiles))}</title><style>{_STYLE}</style></head><body>",
        f"<header><h1>Rooms{escape(f' of {site}' if site else '')}</h1>",
        f"<p>{len(tiles)} rooms, asked at <time>{at:%Y-%m-%d %H:%M:%S %Z}</time></p></header>",
        "<main>",
    ]
    for rank in Rank:
        group = [each for each in tiles if each.rank is rank]
        if group:
            parts += [_head(rank, len(group)), "<ul>", *map(_tile, group), "</ul>"]
    return "\n".join([*parts, "</main></body></html>", ""])


def _title(tiles: list[Standing]) -> str:
    """In the browser's tab: is anybody needed?"""
    losing = sum(each.rank is Rank.LOSING for each in tiles)
    coming = sum(each.rank is Rank.WILL_LOSE for each in tiles)
    if losing:
        return f"✕ {losing} losing a lecture"
    return f"▲ {coming} will lose the next" if coming else "● all rooms record"


def _head(rank: Rank, count: int) -> str:
    shape, words = _NAMES[rank]
    return f'<h2 class="{rank.name.lower()}">{shape} {count} {words}</h2>'


def _tile(it: Standing) -> str:
    shape, words = _NAMES[it.rank]
    facts = [f"since {it.since_utc[11:16]} UTC"] if it.since_utc else []
    facts += [f"{it.queue} {it.things} waiting"] if it.queue else []
    facts += [f"{it.hours:.0f} h of disk"] if it.hours is not None else []
    note = f"<p>{escape(it.note)}</p>" if it.note else ""
    return (
        f'<li class="{it.rank.name.lower()}"><strong>{escape(it.room)}</strong> '
        f'<b><span role="img" aria-label="{words}">{shape}</span> {escape(it.state)}</b>'
        f"{note}<p>{escape(', '.join(facts))}</p></li>"
    )
