"""Amounts of money, and large numbers beside them, as people read them."""

from __future__ import annotations

from decimal import Decimal

SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£"}


def dollars(amount: Decimal) -> str:
    """Return an amount of USD with as many places as it needs to say something."""
    if amount < 0:
        return f"−{dollars(-amount)}"
    shown = float(amount)  # as the page's scripts have it: both round alike
    if amount >= 1 or not amount:
        return f"${shown:,.2f}"
    if amount >= Decimal("0.001"):
        return f"${shown:.4f}"
    return f"${shown:.2g}" if amount >= Decimal("0.0001") else f"${shown:.7f}".rstrip("0")


def price(amount: Decimal, currency: str = "USD") -> str:
    """Return an amount that somebody pays, with two places, and the currency's sign or code."""
    currency = currency.upper()
    sign, symbol = ("−" if amount < 0 else ""), SYMBOLS.get(currency)
    figure = f"{abs(amount):,.2f}"
    return f"{sign}{symbol}{figure}" if symbol else f"{sign}{figure} {currency}"


def short_figure(number: int) -> str:
    """Return a whole number short: thousands as K, millions as M, as far as that loses nothing."""
    for size, letter in ((1_000_000, "M"), (1_000, "K")):
        if number >= size and number % size == 0 and number >= 10_000:
            return f"{number // size:,}{letter}"
    return f"{number:,}"
