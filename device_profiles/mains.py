"""The frequency of the mains where a room is, which lamps flicker with. Pure.

By time zone, from the IEC's list of voltages and frequencies by country ("World Plugs"). Where a
zone has both (Japan), or tells no country (UTC), nothing is said.
"""

from __future__ import annotations

AREAS = {
    "Europe": 50,
    "Africa": 50,
    "Asia": 50,
    "Australia": 50,
    "Indian": 50,
    "America": 60,
    "US": 60,
    "Canada": 60,
    "Brazil": 60,
    "Mexico": 60,
    "Chile": 50,
}
ELSE: dict[str, int | None] = {
    "Africa/Monrovia": None,
    "Asia/Tokyo": None,
    "Japan": None,
    "Asia/Pyongyang": None,
    **dict.fromkeys(("Asia/Seoul", "Asia/Taipei", "Asia/Manila", "Asia/Riyadh"), 60),
    **dict.fromkeys(
        (
            "America/Asuncion",
            "America/Barbados",
            "America/Buenos_Aires",
            "America/Cayenne",
            "America/Curacao",
            "America/Dominica",
            "America/Godthab",
            "America/Grenada",
            "America/Guadeloupe",
            "America/Jamaica",
            "America/La_Paz",
            "America/Martinique",
            "America/Miquelon",
            "America/Montevideo",
            "America/Nuuk",
            "America/Punta_Arenas",
            "America/Santiago",
            "America/St_Lucia",
            "America/St_Vincent",
            "Atlantic/Azores",
            "Atlantic/Canary",
            "Atlantic/Faroe",
            "Atlantic/Madeira",
            "Atlantic/Reykjavik",
            "Pacific/Auckland",
            "Pacific/Fiji",
        ),
        50,
    ),
    **dict.fromkeys(
        ("Atlantic/Bermuda", "Pacific/Guam", "Pacific/Honolulu", "Pacific/Pago_Pago"), 60
    ),
}
#: V4L2_CID_POWER_LINE_FREQUENCY
LINE_FREQUENCY = {50: 1, 60: 2}


def mains_of_zone(zone: str) -> int | None:
    """50 or 60 Hz, for a name as "Europe/Vienna"; None where it cannot be told."""
    if zone in ELSE:
        return ELSE[zone]
    if zone.startswith("America/Argentina/"):
        return 50
    area, slash, _ = zone.partition("/")
    return AREAS.get(area) if slash else None
