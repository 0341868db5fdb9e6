"""What it costs to watch, and where: prices and countries as people write them, found right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from models.countries import COUNTRIES
from models.currencies import DECIMALS, USUAL_DECIMALS
from models.errors import Invalid
from models.video import AdConfig, Charge, Monetization

# Of any currency. Larger ones are typing errors.
MOST = Decimal(100_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """002's `monetization`, with the price as it is spoken: 4.99 of EUR."""

    type: Charge = Charge.FREE
    price: Decimal = Decimal(0)
    currency: str = ""
    ad_config: AdConfig = field(default_factory=AdConfig)


def monetization_of(offer: Offer) -> Monetization:
    """Raises `Invalid` for what is no price, or is one that nobody would be asked for."""
    if offer.type is not Charge.PAY_PER_VIEW:
        if offer.price:
            raise _wrong("price", "Only pay_per_view has a price.")
        return Monetization(type=offer.type, ad_config=offer.ad_config)
    currency = offer.currency.upper()
    return Monetization(
        type=offer.type,
        price_minor=_minor(offer.price, currency),
        currency=currency,
        ad_config=offer.ad_config,
    )


def price_of(monetization: Monetization) -> float:
    """As it is spoken: the inverse."""
    decimals = DECIMALS.get(monetization.currency, USUAL_DECIMALS)
    return float(Decimal(monetization.price_minor).scaleb(-decimals))


def countries_of(codes: Iterable[str]) -> tuple[str, ...]:
    """Two letters each, in order and once. Raises `Invalid` for what is no country."""
    found = sorted({code.strip().upper() for code in codes})
    if unknown := [code for code in found if code not in COUNTRIES]:
        message = f"Not a country of ISO 3166-1: {unknown[0][:20]}."
        raise Invalid(message, fields={"geo_restrictions": [message]})
    return tuple(found)


def _minor(price: Decimal, currency: str) -> int:
    if currency not in DECIMALS:
        raise _wrong("currency", "A price needs a currency of ISO 4217, such as EUR.")
    minor = price.scaleb(DECIMALS[currency])
    if not 0 < price <= MOST:
        raise _wrong("price", f"A price is more than 0, and at most {MOST}.")
    if minor != minor.to_integral_value():
        raise _wrong("price", f"{currency} has {DECIMALS[currency]} decimals.")
    return int(minor)


def _wrong(name: str, message: str) -> Invalid:
    return Invalid(message, fields={f"monetization.{name}": [message]})
