"""What messages cost, and the account's limit on it; in millionths of a US dollar, which add up exactly."""

from bulksend.simulator.faults import invalid, over_quota
from bulksend.simulator.resources import SpendSettings

_MICROS = 1_000_000


class Spending:
    """Prices messages and keeps the sum of the month, which never ends here."""

    def __init__(self, settings: SpendSettings) -> None:
        self._per_part = round(settings.price_per_part_usd * _MICROS)
        self._per_part_by_country = {
            country: round(price * _MICROS) for country, price in settings.price_by_country_usd.items()
        }
        self._limit = round(settings.limit_usd * _MICROS)
        self._spent = 0

    @property
    def usd(self) -> float:
        """US dollars spent."""
        return self._spent / _MICROS

    def price_usd(self, country: str, parts: int) -> float:
        """US dollars for a message."""
        return self._price(country, parts) / _MICROS

    def admit(self, country: str, parts: int, *, max_price: str | None) -> None:
        """Hold a message to its MaxPrice and to the account's limit.

        MaxPrice is held against the price of the whole message, as the service model now says.

        Raises:
            ServiceFault: ValidationException, ServiceQuotaExceededException.
        """
        price = self._price(country, parts)
        if max_price is not None and price > round(float(max_price) * _MICROS):
            raise invalid("PRICE_OVER_THRESHOLD", [("MaxPrice", "is less than the price of the message")])
        if self._limit and self._spent + price > self._limit:
            raise over_quota("MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT")

    def charge(self, country: str, parts: int) -> None:
        """Add the price of a message that was accepted."""
        self._spent += self._price(country, parts)

    def reset(self) -> None:
        """Begin a new month."""
        self._spent = 0

    def _price(self, country: str, parts: int) -> int:
        return self._per_part_by_country.get(country, self._per_part) * parts
