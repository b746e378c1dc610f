"""Whose account the services run under, and what it may open."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVICE_USER = "edge-agent"


@dataclass(frozen=True, slots=True)
class Account:
    """A user with all of its groups."""

    name: str
    uid: int
    gid: int
    groups: frozenset[int]
    home: str = "/"

    def may_use(self, facts: os.stat_result) -> bool:
        """May it read and write such a file, by owner, group and mode? Access lists are not seen.

        They are for whoever sits at the PC, never for a service.
        """
        if self.uid == 0:
            return True
        if facts.st_uid == self.uid:
            wanted = stat.S_IRUSR | stat.S_IWUSR
        elif facts.st_gid in self.groups:
            wanted = stat.S_IRGRP | stat.S_IWGRP
        else:
            wanted = stat.S_IROTH | stat.S_IWOTH
        return facts.st_mode & wanted == wanted

    def as_child(self) -> dict[str, Any]:
        """For subprocess: run a child under this account. Empty when that is us already.

        Without our own folders: as a service it would not find them either.
        """
        if self.uid == os.geteuid():
            return {}
        env = {key: text for key, text in os.environ.items() if not key.startswith("XDG_")}
        return {
            "user": self.uid,
            "group": self.gid,
            "extra_groups": sorted(self.groups),
            "env": env | {"HOME": self.home},
        }


def service_account(spool: Path) -> Account:
    """Who owns the lectures; before there are any, the services' user if root asks; else we."""
    if spool.exists():
        return account_of(spool.stat().st_uid)
    if os.geteuid() == 0:
        try:
            return account_of(pwd.getpwnam(SERVICE_USER).pw_uid)
        except KeyError:
            pass  # not installed as a service
    return account_of(os.geteuid())


def account_of(uid: int) -> Account:
    """A user without a name (in a container) has no groups but its own."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Account(str(uid), uid, uid, frozenset({uid}))
    groups = frozenset(os.getgrouplist(entry.pw_name, entry.pw_gid))
    return Account(entry.pw_name, uid, entry.pw_gid, groups, entry.pw_dir)


def group_name(gid: int) -> str:
    """Empty when the group has none."""
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return ""


def owner_of_secrets(spool: Path) -> tuple[int, int] | None:
    """Whom a credential has to belong to, when root keeps it for the services; else None: us.

    Also before their first start, when there is no spool yet.
    """
    if os.geteuid() != 0:
        return None
    if spool.exists():
        facts = spool.stat()
        return facts.st_uid, facts.st_gid
    who = service_account(spool)
    return who.uid, who.gid
