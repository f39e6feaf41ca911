"""Instances written by hand: for the reference cases, the examples and the edges of the schema."""

from __future__ import annotations

from typing import Any

Instance = dict[str, Any]

ORDINARY: Instance = {
    "transaction_id": "tx-2026-000001",
    "timestamp": "2026-03-14T11:32:05Z",
    "amount": 42.8,
    "merchant_category": "grocery",
    "channel": "contactless",
    "merchant_country": "DE",
    "customer_country": "DE",
    "customer_id": "c-01842",
    "strong_authentication": True,
    "account_age_days": 1460,
    "distance_from_home_km": 3.4,
    "customer_tx_count_1h": 0,
    "customer_tx_count_24h": 1,
    "customer_amount_avg_30d": 51.2,
    "minutes_since_last_transaction": 912.0,
    "terminal_fraud_rate_28d": 0.0,
}

SUSPICIOUS: Instance = {
    "transaction_id": "tx-2026-000002",
    "timestamp": "2026-03-14T02:11:09Z",
    "amount": 1249.5,
    "merchant_category": "electronics",
    "channel": "online",
    "merchant_country": "RO",
    "customer_country": "DE",
    "customer_id": "c-01842",
    "strong_authentication": False,
    "account_age_days": 1460,
    "distance_from_home_km": 1214.6,
    "customer_tx_count_1h": 3,
    "customer_tx_count_24h": 4,
    "customer_amount_avg_30d": 51.2,
    "minutes_since_last_transaction": 6.5,
    "terminal_fraud_rate_28d": 0.0312,
}


def _like(base: Instance, **changes: Any) -> Instance:
    return {**base, **changes}


def _without(base: Instance, *names: str) -> Instance:
    return {name: value for name, value in base.items() if name not in names}


CASES: dict[str, Instance] = {
    "ordinary-grocery": ORDINARY,
    "suspicious-electronics-abroad-at-night": SUSPICIOUS,
    "restaurant-in-the-evening": _like(
        ORDINARY, timestamp="2026-03-13T19:48:51Z", amount=64.0, merchant_category="restaurant",
        channel="chip", distance_from_home_km=11.9, customer_tx_count_24h=2,
        minutes_since_last_transaction=155.3,
    ),
    "online-fashion-authenticated": _like(
        ORDINARY, timestamp="2026-03-15T20:15:30Z", amount=89.9, merchant_category="fashion",
        channel="online", distance_from_home_km=1.2, minutes_since_last_transaction=1711.0,
    ),
    "large-but-authenticated-at-home": _like(
        ORDINARY, timestamp="2026-04-11T14:02:00Z", amount=1899.0, merchant_category="electronics",
        channel="chip", distance_from_home_km=18.0,
    ),
    "holiday-abroad": _like(
        ORDINARY, timestamp="2026-04-03T17:20:44Z", amount=36.5, merchant_category="restaurant",
        channel="chip", merchant_country="PT", distance_from_home_km=2012.4,
        customer_tx_count_24h=3, minutes_since_last_transaction=231.0,
    ),
    "card-testing-probe": _like(
        SUSPICIOUS, timestamp="2026-03-20T04:44:10Z", amount=1.07,
        merchant_category="digital_goods", merchant_country="US", distance_from_home_km=7712.3,
        customer_tx_count_1h=9, customer_tx_count_24h=9, customer_amount_avg_30d=38.11,
        minutes_since_last_transaction=1.4, terminal_fraud_rate_28d=0.0877,
    ),
    "stolen-card-taps": _like(
        ORDINARY, timestamp="2026-03-21T18:41:33Z", amount=48.6, merchant_category="fashion",
        strong_authentication=False, distance_from_home_km=14.2, customer_tx_count_1h=4,
        customer_tx_count_24h=7, minutes_since_last_transaction=8.1,
    ),
    "compromised-terminal": _like(
        ORDINARY, timestamp="2026-04-09T15:12:12Z", amount=96.4, merchant_category="fuel",
        channel="magstripe", strong_authentication=False, distance_from_home_km=9.7,
        terminal_fraud_rate_28d=0.6129,
    ),
    "jewelry-far-above-average": _like(
        ORDINARY, timestamp="2026-04-22T16:55:00Z", amount=4350.0, merchant_category="jewelry",
        channel="magstripe", strong_authentication=False, distance_from_home_km=388.0,
    ),
    "new-account-first-payment": _like(
        _without(
            ORDINARY, "customer_tx_count_1h", "customer_tx_count_24h", "customer_amount_avg_30d",
            "minutes_since_last_transaction", "terminal_fraud_rate_28d", "customer_id",
        ),
        account_age_days=0, amount=25.0,
    ),
    "night-owl-digital-goods": _like(
        ORDINARY, timestamp="2026-03-18T01:30:00Z", amount=9.99, merchant_category="digital_goods",
        channel="online", distance_from_home_km=0.6, strong_authentication=False,
    ),
    "gambling-spree": _like(
        ORDINARY, timestamp="2026-03-28T23:58:59Z", amount=150.0, merchant_category="gambling",
        channel="online", strong_authentication=False, distance_from_home_km=4.0,
        customer_tx_count_1h=5, customer_tx_count_24h=6, minutes_since_last_transaction=3.0,
    ),
    "offset-timestamp": _like(ORDINARY, timestamp="2026-03-16T00:30:00+01:00"),
    "amount-zero": _like(ORDINARY, amount=0),
    "defaults-omitted": _without(
        SUSPICIOUS, "customer_id", "strong_authentication", "customer_tx_count_1h",
        "customer_tx_count_24h", "customer_amount_avg_30d", "minutes_since_last_transaction",
        "terminal_fraud_rate_28d",
    ),
    "outside-the-training-range": _like(
        SUSPICIOUS, amount=1000000, customer_tx_count_1h=10000, customer_tx_count_24h=10000,
        distance_from_home_km=20040, account_age_days=40000, terminal_fraud_rate_28d=1,
    ),
}

EDGES: dict[str, Instance] = {
    "fraction-of-a-second": _like(ORDINARY, timestamp="2026-03-14T11:32:05.250Z"),
    "last-second-of-the-day": _like(ORDINARY, timestamp="2026-12-31T23:59:59Z"),
    "first-second-of-the-day": _like(ORDINARY, timestamp="2027-01-01T00:00:00Z"),
    "night-begins": _like(ORDINARY, timestamp="2026-03-14T22:00:00Z"),
    "night-ends": _like(ORDINARY, timestamp="2026-03-14T05:00:00Z"),
    "leap-day": _like(ORDINARY, timestamp="2028-02-29T12:00:00Z"),
    "before-1970": _like(ORDINARY, timestamp="1969-12-31T23:30:00Z"),
    "offset-into-the-next-week": _like(SUSPICIOUS, timestamp="2026-03-15T22:45:00-05:30"),
    "null-takes-the-default": _like(
        SUSPICIOUS, customer_amount_avg_30d=None, strong_authentication=None
    ),
    "smallest-amount": _like(ORDINARY, amount=0.01),
    "tiny-amount": _like(ORDINARY, amount=1e-300),
    "amount-with-many-digits": _like(ORDINARY, amount=33.333333333333336),
    "no-country": _like(ORDINARY, merchant_country="", customer_country=""),
    "letters-beyond-ascii": _like(ORDINARY, customer_id="kundin-é-日本", transaction_id="tx-ß"),
    "same-minute": _like(SUSPICIOUS, minutes_since_last_transaction=0),
    "years-without-a-payment": _like(ORDINARY, minutes_since_last_transaction=2500000),
    "average-far-above-amount": _like(ORDINARY, customer_amount_avg_30d=1000000),
    "in-the-hour-but-not-in-the-day": _like(SUSPICIOUS, customer_tx_count_24h=0),
    "everything-at-zero": _like(
        ORDINARY, amount=0, account_age_days=0, distance_from_home_km=0, customer_tx_count_24h=0,
        customer_amount_avg_30d=0, minutes_since_last_transaction=0,
    ),
    "everything-at-its-largest": _like(
        SUSPICIOUS, amount=1000000, account_age_days=40000, distance_from_home_km=20040,
        customer_tx_count_1h=10000, customer_tx_count_24h=10000, customer_amount_avg_30d=1000000,
        minutes_since_last_transaction=10000000, terminal_fraud_rate_28d=1,
    ),
}

EXAMPLE_BATCH: list[Instance] = [
    ORDINARY,
    SUSPICIOUS,
    _like(CASES["holiday-abroad"], transaction_id="tx-2026-000003"),
    _like(CASES["card-testing-probe"], transaction_id="tx-2026-000004"),
    _like(CASES["new-account-first-payment"], transaction_id="tx-2026-000005"),
]

EXAMPLE_BAD: Instance = _like(ORDINARY, transaction_id="tx-2026-000006", amount="42.80")
