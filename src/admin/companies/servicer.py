"""CompanyService."""
# ruff: noqa: ARG002, N802  Names and arguments are gRPC's.

from admin.alerts.messages import alert_state
from admin.alerts.store import Alerts
from admin.companies.domain import Company, CompanyChange
from admin.companies.messages import channels_of, countries_of, update_of
from admin.companies.store import Companies
from admin.rpc.pages import ID, Listing
from server import wire
from server.context import Context
from server.rejections import invalid
from veloconnect.admin.v1 import company_pb2, company_pb2_grpc
from veloconnect.wallet.v1 import wallet_pb2
from wallet.domain.money import CURRENCIES
from wallet.domain.resource_names import COMPANY, RATE_CARD, WALLET
from wallet.ledger.reader import Reader


class CompanyServicer(company_pb2_grpc.CompanyServiceServicer):
    """CompanyService. Errors are raised; server.boundary answers them."""

    def __init__(self, companies: Companies, reader: Reader, alerts: Alerts) -> None:
        """Keep companies in `companies`, and read wallets by `reader` and `alerts`."""
        self._companies = companies
        self._reader = reader
        self._alerts = alerts

    async def CreateCompany(self, request: company_pb2.CreateCompanyRequest, context: Context) -> company_pb2.Company:
        """Create a company and its empty wallet."""
        company = request.company
        if not company.currency_code:
            raise invalid("company.currency_code", "is required: the ISO 4217 code of the wallet's currency")
        if company.currency_code not in CURRENCIES:
            raise invalid(
                "company.currency_code", f"{company.currency_code} is not a currency of ISO 4217, such as EUR"
            )
        return _message(
            await self._companies.create(
                request.company_id,
                currency=company.currency_code,
                settings=CompanyChange(
                    display_name=company.display_name,
                    billing_email=company.billing_email,
                    floor=company.floor_micros,
                    rate_card=RATE_CARD.parse_optional(company.rate_card),
                    blocked_channels=channels_of(company),
                    blocked_countries=countries_of(company),
                ),
            )
        )

    async def GetCompany(self, request: company_pb2.GetCompanyRequest, context: Context) -> company_pb2.Company:
        """Read a company."""
        return _message(await self._companies.get(COMPANY.parse(request.name)))

    async def ListCompanies(
        self, request: company_pb2.ListCompaniesRequest, context: Context
    ) -> company_pb2.ListCompaniesResponse:
        """List companies, by id."""
        listing = Listing(request, COMPANY.collection, ID)
        page, more = listing.page(await self._companies.list(listing.cursor, listing.limit), lambda company: company.id)
        return company_pb2.ListCompaniesResponse(companies=map(_message, page), next_page_token=more)

    async def UpdateCompany(self, request: company_pb2.UpdateCompanyRequest, context: Context) -> company_pb2.Company:
        """Change a company."""
        company, change, currency = update_of(request)
        if currency is not None and currency != (await self._companies.get(company)).currency:
            raise invalid("company.currency_code", "never changes")
        return _message(await self._companies.update(company, change))

    async def SuspendCompany(self, request: company_pb2.SuspendCompanyRequest, context: Context) -> company_pb2.Company:
        """Refuse new charges and holds."""
        return _message(await self._companies.suspend(COMPANY.parse(request.name)))

    async def ResumeCompany(self, request: company_pb2.ResumeCompanyRequest, context: Context) -> company_pb2.Company:
        """End a suspension."""
        return _message(await self._companies.resume(COMPANY.parse(request.name)))

    async def CloseCompany(self, request: company_pb2.CloseCompanyRequest, context: Context) -> company_pb2.Company:
        """Close a company for good."""
        return _message(await self._companies.close(COMPANY.parse(request.name)))

    async def GetWallet(self, request: company_pb2.GetWalletRequest, context: Context) -> wallet_pb2.Wallet:
        """Read a wallet, its alert state, and when it is estimated to be empty."""
        company = WALLET.parse(request.name)
        message = wire.wallet(await self._reader.wallet(company))
        forecast = await self._alerts.forecast(company)
        message.alert_state = alert_state(forecast.state)
        if forecast.empty_at is not None:
            message.estimated_empty_time.CopyFrom(wire.timestamp(forecast.empty_at))
        return message


def _message(company: Company) -> company_pb2.Company:
    return company_pb2.Company(
        name=COMPANY.name(company.id),
        display_name=company.display_name,
        currency_code=company.currency,
        billing_email=company.billing_email,
        floor_micros=company.floor,
        state=wire.wallet_state(company.state),
        create_time=wire.timestamp(company.created_at),
        update_time=wire.timestamp(company.updated_at),
        rate_card=RATE_CARD.name(company.rate_card) if company.rate_card else "",
        blocked_channels=map(wire.channel, company.blocked_channels),
        blocked_country_codes=company.blocked_countries,
    )
