"""One letter posted to one webhook, over the uploads' own HTTP: bounded in time and in memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from edge_agent import __version__
from edge_agent.alerting.outbox import Waiting
from edge_agent.alerting.wire import Outcome, key_of, ours, posting
from edge_agent.config_webhooks import WebhookConfig
from edge_agent.secrets import Secrets
from uploader.http import Http, Patience
from uploader.sender import SendError

#: A whole try takes no longer, however slowly bytes come or go.
TRY_S = 30.0
_PATIENCE = Patience(connect=10.0, write=20.0, read=20.0)


class _Enough(Exception):
    """The answer takes too long as a whole, or the process is to end."""


@dataclass(frozen=True, slots=True)
class Post:
    """Any thread may use it. `ended`: this process is to end. `unix_s`: the wall clock."""

    secrets: Secrets
    ended: Callable[[], bool]
    unix_s: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic

    def __call__(self, webhook: WebhookConfig, letter: Waiting) -> Outcome:
        """What came of one try. The secret is read now: a new one counts at once."""
        deadline = self.monotonic() + TRY_S

        def progress(*_: object) -> None:
            if self.ended() or self.monotonic() > deadline:
                raise _Enough

        http = Http(
            webhook.url,
            ca_file=webhook.ca_file,
            patience=_PATIENCE,
            agent=f"edge-agent/{__version__}",
        )
        try:
            key = key_of(self.secrets.read(webhook.credential))
            body = letter.body.encode()
            core = posting(webhook.url, letter.id, body, key, lambda: int(self.unix_s()))
            return http.run(core, None, progress)
        except _Enough:
            return Outcome("later", f"no whole answer within {TRY_S:.0f} s; check the network")
        except SendError as error:
            return Outcome("later", ours(error.reason))
        except UnicodeError:
            return Outcome("later", "its host is no name of a computer; correct its url")
        finally:
            http.close()
