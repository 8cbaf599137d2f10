"""RuleService."""
# ruff: noqa: ARG002, N802  Names and arguments are gRPC's.

from collections.abc import Mapping
from typing import cast

from google.protobuf.empty_pb2 import Empty

from admin.alerts.messages import policy_change, policy_company, policy_message
from admin.alerts.store import Alerts
from admin.rules.store import SpendLimits
from server import wire
from server.context import Context
from server.countries import COUNTRIES
from server.rejections import invalid
from server.validation import check_name
from veloconnect.admin.v1 import rule_pb2, rule_pb2_grpc
from wallet.domain.limits import SpendLimit, SpendLimitState, Window
from wallet.domain.resource_names import ALERT_POLICY, COMPANY, SPEND_LIMIT
from wallet.domain.usage import Channel

_WINDOWS = cast(
    "Mapping[Window, rule_pb2.SpendLimit.Window]",
    {window: rule_pb2.SpendLimit.Window.Value(f"WINDOW_{window.name}") for window in Window},
)


class RuleServicer(rule_pb2_grpc.RuleServiceServicer):
    """RuleService. Errors are raised; server.boundary answers them."""

    def __init__(self, limits: SpendLimits, alerts: Alerts) -> None:
        """Keep spend limits in `limits`, and alert policies in `alerts`."""
        self._limits = limits
        self._alerts = alerts

    async def CreateSpendLimit(
        self, request: rule_pb2.CreateSpendLimitRequest, context: Context
    ) -> rule_pb2.SpendLimit:
        """Create a spend limit."""
        requested = request.spend_limit
        if not requested.window:
            raise invalid("spend_limit.window", "is required: one of WINDOW_HOUR, WINDOW_DAY, WINDOW_MONTH")
        if requested.country_code and requested.country_code not in COUNTRIES:
            raise invalid("spend_limit.country_code", f"{requested.country_code} is not a country of ISO 3166-1")
        limit = SpendLimit(
            company=COMPANY.parse(request.parent),
            id=request.spend_limit_id,
            window=Window(int(requested.window)),
            amount=requested.amount_micros,
            channel=Channel(int(requested.channel)) if requested.channel else None,
            country=requested.country_code,
        )
        return _message(await self._limits.create(limit))

    async def GetSpendLimit(self, request: rule_pb2.GetSpendLimitRequest, context: Context) -> rule_pb2.SpendLimit:
        """Read a spend limit."""
        return _message(await self._limits.get(*SPEND_LIMIT.parse(request.name)))

    async def ListSpendLimits(
        self, request: rule_pb2.ListSpendLimitsRequest, context: Context
    ) -> rule_pb2.ListSpendLimitsResponse:
        """List a company's spend limits, by id."""
        found = await self._limits.list(COMPANY.parse(request.parent))
        return rule_pb2.ListSpendLimitsResponse(spend_limits=map(_message, found))

    async def UpdateSpendLimit(
        self, request: rule_pb2.UpdateSpendLimitRequest, context: Context
    ) -> rule_pb2.SpendLimit:
        """Change a spend limit's amount."""
        requested = request.spend_limit
        check_name(
            SPEND_LIMIT, requested.name, "spend_limit.name", "a spend limit, such as companies/acme/spendLimits/daily"
        )
        company, limit = SPEND_LIMIT.parse(requested.name)
        before = _message(await self._limits.get(company, limit))
        for field in ("window", "channel", "country_code"):
            if getattr(requested, field) and getattr(requested, field) != getattr(before, field):
                raise invalid(f"spend_limit.{field}", "never changes: create another limit, and delete this one")
        return _message(await self._limits.set_amount(company, limit, requested.amount_micros))

    async def DeleteSpendLimit(self, request: rule_pb2.DeleteSpendLimitRequest, context: Context) -> Empty:
        """Delete a spend limit."""
        await self._limits.delete(*SPEND_LIMIT.parse(request.name))
        return Empty()

    async def GetAlertPolicy(self, request: rule_pb2.GetAlertPolicyRequest, context: Context) -> rule_pb2.AlertPolicy:
        """Read the alert policy of a company."""
        company = ALERT_POLICY.parse(request.name)
        return policy_message(company, await self._alerts.policy(company))

    async def UpdateAlertPolicy(
        self, request: rule_pb2.UpdateAlertPolicyRequest, context: Context
    ) -> rule_pb2.AlertPolicy:
        """Change the alert policy of a company."""
        company = policy_company(request)
        policy = policy_change(request, await self._alerts.policy(company))
        return policy_message(company, await self._alerts.set_policy(company, policy))


def _message(state: SpendLimitState) -> rule_pb2.SpendLimit:
    limit = state.limit
    message = rule_pb2.SpendLimit(
        name=SPEND_LIMIT.name(limit.company, limit.id),
        window=_WINDOWS[limit.window],
        country_code=limit.country,
        amount_micros=limit.amount,
        spent_micros=state.spent,
        reset_time=wire.timestamp(state.resets_at),
    )
    if limit.channel is not None:
        message.channel = wire.channel(limit.channel)
    return message
