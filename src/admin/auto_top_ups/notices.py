"""Notices to companies about automatic top-ups: each is an event, and a mail if it has a template."""

from collections.abc import Mapping

from admin.auto_top_ups.domain import Firing, FiringDecision, PauseReason
from admin.notices.domain import Notice
from admin.notices.event_types import EventType
from wallet.domain.money import format_money
from wallet.domain.resource_names import TOP_UP

AUTHENTICATION_REQUIRED = "authentication_required"
"""The failure code of a card whose bank requires the customer's authentication."""

_PAUSE_TEMPLATES = {
    PauseReason.REQUESTED: "",
    PauseReason.DECLINES: "auto_top_up_paused_declines",
    PauseReason.RUNAWAY: "auto_top_up_paused_runaway",
    PauseReason.DISPUTE: "auto_top_up_paused_dispute",
}


def started(firing: Firing) -> Notice:
    """Return the notice that a firing has begun, which has no mail."""
    return Notice(firing.company, f"auto-top-up-started-{firing.number}", EventType.AUTO_TOP_UP_STARTED, _data(firing))


def succeeded(firing: Firing, threshold: int, *, first: bool) -> Notice:
    """Return the notice that a firing's top-up succeeded. Only the first has a mail. `threshold` in micros."""
    return Notice(
        firing.company,
        f"auto-top-up-succeeded-{firing.number}",
        EventType.AUTO_TOP_UP_SUCCEEDED,
        _data(firing),
        "auto_top_up_first" if first else "",
        {"amount": format_money(firing.amount, firing.currency), "threshold": format_money(threshold, firing.currency)},
    )


def failed(firing: Firing, code: str, *, mail: bool) -> Notice:
    """Return the notice that the card was declined, or that its bank requires authentication."""
    template = "auto_top_up_authentication" if code == AUTHENTICATION_REQUIRED else "auto_top_up_failed"
    return Notice(
        firing.company,
        f"auto-top-up-failed-{firing.number}",
        EventType.AUTO_TOP_UP_FAILED,
        {**_data(firing), "failure_code": code},
        template if mail else "",
        {"amount": format_money(firing.amount, firing.currency), "code": code},
    )


def paused(company: str, pause: int, reason: PauseReason) -> Notice:
    """Return the notice that the rule is paused, for the `pause`th time. A pause by request has no mail."""
    return Notice(
        company,
        f"auto-top-up-paused-{pause}",
        EventType.AUTO_TOP_UP_PAUSED,
        {"reason": reason.name},
        _PAUSE_TEMPLATES[reason],
    )


def limited(company: str, decision: FiringDecision, window: str, until: str) -> Notice:
    """Return the notice that a bound of the rule is reached, once for each `window`.

    `window` is "day-2026-11-25" or "month-2026-11"; `until` is a time as people read it.
    """
    assert decision in (FiringDecision.WAIT_FOR_DAY, FiringDecision.WAIT_FOR_MONTH)
    return Notice(
        company,
        f"auto-top-up-limited-{window}",
        EventType.AUTO_TOP_UP_LIMITED,
        {"until": until},
        "auto_top_up_limited",
        {"window": "day" if decision is FiringDecision.WAIT_FOR_DAY else "month", "until": until},
    )


def _data(firing: Firing) -> Mapping[str, str | int]:
    return {
        "top_up": TOP_UP.name(firing.company, firing.top_up),
        "amount_micros": firing.amount,
        "currency_code": firing.currency,
    }
