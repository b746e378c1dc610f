"""Where other devices reach the panel."""

from __future__ import annotations

import socket

from edge_agent.config_panel import Panel


def addresses(panel: Panel) -> list[str]:
    """Addresses to open; none while it listens on this PC only."""
    if panel.listen in ("127.0.0.1", "::1"):
        return []
    everywhere = panel.listen in ("0.0.0.0", "::")
    named = [*panel.hosts, *([] if everywhere else [panel.listen])] or [socket.gethostname()]
    return [f"http://{f'[{name}]' if ':' in name else name}:{panel.port}" for name in named]
