"""Requests of RuleService that must be refused."""

from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from tests.acceptance.bad_requests.makers import UNKNOWN, BadRequest, RefusedRequest, without
from veloconnect.admin.v1 import rule_pb2


def limit(spend_limit_id: str = "new", *, parent: str = "companies/bad", **fields: Any) -> Any:
    """Return the making of a spend limit for a day."""
    good = {"window": rule_pb2.SpendLimit.WINDOW_DAY, "amount_micros": 2}
    return rule_pb2.CreateSpendLimitRequest(
        parent=parent, spend_limit_id=spend_limit_id, spend_limit=rule_pb2.SpendLimit(**{**good, **fields})
    )


def changed_limit(name: str = "companies/braked/spendLimits/daily", **fields: Any) -> Any:
    """Return a change of a spend limit."""
    return rule_pb2.UpdateSpendLimitRequest(spend_limit=rule_pb2.SpendLimit(name=name, amount_micros=2, **fields))


def policy(*paths: str, name: str = "companies/bad/alertPolicy", **thresholds: Any) -> Any:
    """Return a change of an alert policy."""
    return rule_pb2.UpdateAlertPolicyRequest(
        alert_policy=rule_pb2.AlertPolicy(name=name, **thresholds), update_mask=FieldMask(paths=paths)
    )


def threshold(**fields: Any) -> Any:
    """Return a threshold: time_left in seconds, or amount_micros."""
    if "time_left" in fields:
        fields["time_left"] = Duration(seconds=fields["time_left"])
    return rule_pb2.AlertPolicy.Threshold(**fields)


BAD: dict[str, BadRequest] = {
    "spend limit without a window": ("rules.CreateSpendLimit", limit(window=0), "spend_limit.window"),
    "spend limit of an unknown window": ("rules.CreateSpendLimit", limit(window=9), "spend_limit.window"),
    "spend limit below nothing": ("rules.CreateSpendLimit", limit(amount_micros=-1), "spend_limit.amount_micros"),
    "spend limit of no country": ("rules.CreateSpendLimit", limit(country_code="ZZ"), "spend_limit.country_code"),
    "spend limit of a bad id": ("rules.CreateSpendLimit", limit("A b"), "spend_limit_id"),
    "spend limit that is missing": ("rules.CreateSpendLimit", without(limit(), "spend_limit"), "spend_limit"),
    "spend limit in another window": (
        "rules.UpdateSpendLimit",
        changed_limit(window=rule_pb2.SpendLimit.WINDOW_HOUR),
        "spend_limit.window",
    ),
    "spend limit of another country": (
        "rules.UpdateSpendLimit",
        changed_limit(country_code="FR"),
        "spend_limit.country_code",
    ),
    "alert policy of a bad name": (
        "rules.GetAlertPolicy",
        rule_pb2.GetAlertPolicyRequest(name="companies/bad/wallet"),
        "name",
    ),
    "alert policy without a name": ("rules.UpdateAlertPolicy", policy(name=""), "alert_policy.name"),
    "alert policy that is missing": ("rules.UpdateAlertPolicy", rule_pb2.UpdateAlertPolicyRequest(), "alert_policy"),
    "alert policy with another field": ("rules.UpdateAlertPolicy", policy("loudness"), "update_mask"),
    "alert threshold of nothing": ("rules.UpdateAlertPolicy", policy(warning=threshold()), "alert_policy.warning.kind"),
    "alert threshold of seconds": (
        "rules.UpdateAlertPolicy",
        policy(warning=threshold(time_left=59)),
        "alert_policy.warning.time_left",
    ),
    "alert threshold of years": (
        "rules.UpdateAlertPolicy",
        policy(critical=threshold(time_left=366 * 86_400)),
        "alert_policy.critical.time_left",
    ),
    "alert threshold below nothing": (
        "rules.UpdateAlertPolicy",
        policy(warning=threshold(amount_micros=-1)),
        "alert_policy.warning.amount_micros",
    ),
    "alert thresholds upside down": (
        "rules.UpdateAlertPolicy",
        policy(warning=threshold(amount_micros=1), critical=threshold(amount_micros=2)),
        "alert_policy.critical",
    ),
    "spend limit without a name": ("rules.UpdateSpendLimit", changed_limit(name=""), "spend_limit.name"),
    "spend limit of a bad name": (
        "rules.DeleteSpendLimit",
        rule_pb2.DeleteSpendLimitRequest(name="companies/bad/spendLimits/"),
        "name",
    ),
}
"""Case → method, request, invalid field."""

REFUSED: dict[str, RefusedRequest] = {
    "alert policy of an unknown company": (
        "rules.GetAlertPolicy",
        rule_pb2.GetAlertPolicyRequest(name=f"{UNKNOWN}/alertPolicy"),
        "COMPANY_NOT_FOUND",
    ),
    "alert policy for an unknown company": (
        "rules.UpdateAlertPolicy",
        policy(name=f"{UNKNOWN}/alertPolicy", warning=threshold(amount_micros=1)),
        "COMPANY_NOT_FOUND",
    ),
    "limit of an unknown company": ("rules.CreateSpendLimit", limit(parent=UNKNOWN), "COMPANY_NOT_FOUND"),
    "limits of an unknown company": (
        "rules.ListSpendLimits",
        rule_pb2.ListSpendLimitsRequest(parent=UNKNOWN),
        "COMPANY_NOT_FOUND",
    ),
    "unknown limit": (
        "rules.GetSpendLimit",
        rule_pb2.GetSpendLimitRequest(name="companies/bad/spendLimits/none"),
        "SPEND_LIMIT_NOT_FOUND",
    ),
    "change of an unknown limit": (
        "rules.UpdateSpendLimit",
        changed_limit(name="companies/bad/spendLimits/none"),
        "SPEND_LIMIT_NOT_FOUND",
    ),
    "deletion of an unknown limit": (
        "rules.DeleteSpendLimit",
        rule_pb2.DeleteSpendLimitRequest(name="companies/unknown/spendLimits/none"),
        "SPEND_LIMIT_NOT_FOUND",
    ),
    "limit made twice": (
        "rules.CreateSpendLimit",
        limit("daily", parent="companies/braked"),
        "SPEND_LIMIT_ALREADY_EXISTS",
    ),
}
"""Case → method, request, reason."""
