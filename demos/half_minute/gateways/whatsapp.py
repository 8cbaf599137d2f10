"""WhatsApp templates: marketing in bursts, utility messages all day."""

from demos.half_minute.gateways.campaigns import ChargedCampaigns
from demos.half_minute.gateways.gateway import Gateway
from demos.half_minute.prices import Item

UTILITY_PER_SECOND = 40.0


class MarketingTemplates(ChargedCampaigns):
    """Sends campaigns at the price of the marketing category."""

    item = Item.WHATSAPP_MARKETING


class UtilityTemplates(Gateway):
    """Sends booking confirmations and boarding passes at a steady rate."""

    async def run(self) -> None:
        """See `Gateway`."""
        await self.at_rate(UTILITY_PER_SECOND, self._message)

    async def _message(self) -> None:
        await self.charge(self.request(self.sale(Item.WHATSAPP_UTILITY, self.destination())))
