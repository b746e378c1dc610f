"""What a trial of a destination has found, for the tests of it."""

from __future__ import annotations

from uploader.probe import Finding, Verdict

KEPT, BROKEN, ABSENT, UNKNOWN = Verdict.KEPT, Verdict.BROKEN, Verdict.ABSENT, Verdict.UNKNOWN


def verdicts(findings: list[Finding]) -> dict[str, Verdict]:
    return {each.promise: each.verdict for each in findings}


def words(findings: list[Finding], promise: str) -> str:
    return next(each.words for each in findings if each.promise == promise)
