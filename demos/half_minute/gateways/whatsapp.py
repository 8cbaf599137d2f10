"""WhatsApp templates: marketing in bursts, utility messages all day."""

from demos.half_minute.gateways.campaigns import ChargedCampaigns
from demos.half_minute.gateways.gateway import Gateway
from demos.half_minute.prices import Item

UTILITY_PER_SECOND = 40.0


class MarketingTemplates(ChargedCampaigns):
    """A campaign, with the price of the marketing category."""

    item = Item.WHATSAPP_MARKETING


class UtilityTemplates(Gateway):
    """Booking confirmations and boarding passes, as they come up."""

    async def play(self) -> None:
        """See `Gateway`."""
        await self.each(UTILITY_PER_SECOND, self._message)

    async def _message(self) -> None:
        await self.charge(self.request(self.sale(Item.WHATSAPP_UTILITY, self.destination())))
