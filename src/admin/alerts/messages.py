"""Alert policies: protobuf to domain and back."""

from collections.abc import Mapping
from typing import cast

from google.protobuf.duration_pb2 import Duration

from admin.alerts.domain import DEFAULT, AlertPolicy, AlertState, Threshold
from admin.rpc.field_masks import ResourceFields, fields_to_update
from server.rejections import invalid
from server.validation import check_name
from veloconnect.admin.v1 import rule_pb2
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.resource_names import ALERT_POLICY

_FIELDS = ResourceFields(
    "an alert policy",
    mutable=frozenset({"warning", "critical"}),
    immutable=frozenset(),
    output_only=frozenset({"name"}),
)
_STATES = cast(
    "Mapping[AlertState, wallet_pb2.Wallet.AlertState]",
    {state: wallet_pb2.Wallet.AlertState.Value(f"ALERT_STATE_{state.name}") for state in AlertState},
)


def alert_state(state: AlertState) -> wallet_pb2.Wallet.AlertState:
    """Return a state as a value of the proto."""
    return _STATES[state]


def policy_company(request: rule_pb2.UpdateAlertPolicyRequest) -> str:
    """Return the company whose policy is updated. Raises InvalidRequest."""
    name = request.alert_policy.name
    check_name(ALERT_POLICY, name, "alert_policy.name", "an alert policy, such as companies/acme/alertPolicy")
    return ALERT_POLICY.parse(name)


def policy_change(request: rule_pb2.UpdateAlertPolicyRequest, before: AlertPolicy) -> AlertPolicy:
    """Return the requested policy, based on the one before. Raises InvalidRequest."""
    requested = request.alert_policy
    paths = fields_to_update(requested, request.update_mask, _FIELDS)
    warning, critical = before.warning, before.critical
    if "warning" in paths:
        warning = _threshold(requested.warning, "warning") if requested.HasField("warning") else DEFAULT.warning
    if "critical" in paths:
        critical = _threshold(requested.critical, "critical") if requested.HasField("critical") else DEFAULT.critical
    of_time = warning.seconds, critical.seconds, "seconds"
    of_money = warning.amount, critical.amount, "micros"
    for first, second, unit in (of_time, of_money):
        # A time and an amount cannot be compared: which one is higher depends on the burn rate.
        if first is not None and second is not None and second > first:
            # The error names the field that was sent, also if the other threshold is a default.
            if "critical" in paths:
                raise invalid("alert_policy.critical", f"must not be more than the warning, which is {first} {unit}")
            raise invalid(
                "alert_policy.warning",
                f"must not be less than critical, which is {second} {unit}: change both, or set critical first",
            )
    return AlertPolicy(warning, critical)


def policy_message(company: str, policy: AlertPolicy) -> rule_pb2.AlertPolicy:
    """Return a policy as a message, with defaults filled in."""
    return rule_pb2.AlertPolicy(
        name=ALERT_POLICY.name(company), warning=_message(policy.warning), critical=_message(policy.critical)
    )


def _threshold(requested: rule_pb2.AlertPolicy.Threshold, field: str) -> Threshold:
    if requested.HasField("amount_micros"):
        return Threshold(amount=requested.amount_micros)
    if requested.time_left.nanos:
        raise invalid(f"alert_policy.{field}.time_left", "must be whole seconds")
    return Threshold(seconds=requested.time_left.seconds)


def _message(threshold: Threshold) -> rule_pb2.AlertPolicy.Threshold:
    if threshold.amount is not None:
        return rule_pb2.AlertPolicy.Threshold(amount_micros=threshold.amount)
    return rule_pb2.AlertPolicy.Threshold(time_left=Duration(seconds=threshold.seconds or 0))
