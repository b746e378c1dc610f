"""The configuration of sending: when, how fast, how much."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from uploader.limits import Limits, amount_of


def _limits(text: str) -> str:
    Limits.parse(text)
    return text


def _amount(text: str) -> str:
    amount_of(text)
    return text


Amount = Annotated[str, AfterValidator(_amount)]
#: What may be sent while something holds.
Passing = Literal["send", "first-stages", "wait"]


class Upload(BaseModel):
    """When and how fast finished lectures are sent over a network."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[str, AfterValidator(_limits)] = "off"
    mode: Literal["polite", "full"] = "polite"
    spread_minutes: float = Field(default=10, ge=0, le=240)
    budget_per_day: Amount = "off"
    budget_per_month: Amount = "off"
    metered: Passing = "first-stages"
    recording: Passing = "first-stages"
    battery: Passing = "wait"

    @property
    def limits(self) -> Limits:
        """The week that `limit` describes."""
        return Limits.parse(self.limit)

    @property
    def day_bytes(self) -> int | None:
        return amount_of(self.budget_per_day)

    @property
    def month_bytes(self) -> int | None:
        return amount_of(self.budget_per_month)
