"""Simulated card transactions, in the manner of the handbook "Reproducible Machine Learning for
Credit Card Fraud Detection": customers with habits pay at terminals, fraud patterns are laid over
them, and the aggregates that a bank would keep are added to each transaction.

Everything follows from the seed. Nothing here is data of real people, cards or merchants.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from population import (
    CATEGORIES,
    CATEGORY_NAMES,
    COUNTRIES,
    COUNTRY_CODES,
    UTC_OFFSETS,
    Customers,
    Generator,
    Terminals,
    distance_km,
    make_customers,
    make_terminals,
    places,
)

START = np.datetime64("2025-10-01T00:00:00", "s")
DAYS = 212
DAY = 86_400  # seconds

CHANNELS = np.array(["chip", "contactless", "magstripe", "online"])
CHIP, CONTACTLESS, MAGSTRIPE, ONLINE = range(4)


@dataclass
class Batch:
    """Transactions as columns, one entry each."""

    customer: NDArray[np.int64]
    second: NDArray[np.int64]  # UTC, since START
    terminal: NDArray[np.int64]
    amount: NDArray[np.float64]
    channel: NDArray[np.int64]
    authenticated: NDArray[np.bool_]
    distance: NDArray[np.float64]
    pattern: NDArray[np.int64]  # 0: the customer's own; otherwise an index in PATTERNS

    @property
    def size(self) -> int:
        """How many transactions there are."""
        return self.customer.size

    def take(self, index: NDArray[Any]) -> Batch:
        """Some of them, by mask or index."""
        return Batch(*(getattr(self, f.name)[index] for f in fields(self)))

    @staticmethod
    def concat(batches: list[Batch]) -> Batch:
        """All of several batches."""
        return Batch(
            *(np.concatenate([getattr(b, f.name) for b in batches]) for f in fields(Batch))
        )


@dataclass
class World:
    """Who pays, and where."""

    customers: Customers
    terminals: Terminals


def make_world(seed: int, customers: int, shops: int, merchants: int) -> World:
    """Customers and terminals from a seed."""
    rng = np.random.default_rng([seed, 1])
    terminals = make_terminals(rng, shops, merchants)
    return World(make_customers(rng, customers, terminals, DAYS), terminals)


def genuine(seed: int, world: World) -> Batch:
    """The transactions that customers make themselves."""
    rng = np.random.default_rng([seed, 2])
    people = world.customers
    customer = np.repeat(np.arange(people.rate.size), rng.poisson(people.rate * DAYS))
    day = rng.choice(DAYS, customer.size, p=_day_weights())
    keep = day >= people.opened[customer]
    customer, day = customer[keep], day[keep]
    online = rng.random(customer.size) < people.online_share[customer]
    country = _whereabouts(people, customer, day)

    terminal = np.where(
        online,
        _online_merchant(rng, world, customer),
        _shop(rng, world, customer, country),
    )
    hour = _local_hour(rng, online, people.hour_shift[customer])
    second = day * DAY + (hour * 3600).astype(np.int64) - UTC_OFFSETS[country] * 3600
    distance = _network_distance(rng, world, customer, country)
    batch = pay(rng, world, customer, second, terminal, distance)
    return Batch.concat([batch, _sprees(rng, world, batch)])


def pay(
    rng: Generator,
    world: World,
    customer: NDArray[np.int64],
    second: NDArray[np.int64],
    terminal: NDArray[np.int64],
    network_distance: NDArray[np.float64],
) -> Batch:
    """Genuine payments at these terminals: amount, channel, authentication and distance."""
    people, places_ = world.customers, world.terminals
    online = places_.online[terminal]
    category = places_.category[terminal]
    log_mean = np.array([c.log_mean for c in CATEGORIES])[category]
    deviation = np.array([c.log_deviation for c in CATEGORIES])[category]
    amount = np.exp(log_mean + deviation * rng.standard_normal(customer.size))
    amount *= people.spending[customer]
    large = rng.random(customer.size) < 0.012
    amount = np.where(large, amount * rng.uniform(3.0, 12.0, customer.size), amount)

    tap = (amount < 50.0) & (rng.random(customer.size) < 0.72)
    swipe = rng.random(customer.size) < np.where(
        np.isin(places_.country[terminal], [10, 11]), 0.12, 0.012
    )
    channel = np.select([online, swipe, tap], [ONLINE, MAGSTRIPE, CONTACTLESS], CHIP)
    challenged = places_.authentication[terminal] + np.where(amount > 250.0, 0.2, 0.0)
    likely = np.select(
        [channel == ONLINE, channel == CHIP, channel == CONTACTLESS],
        [challenged, 0.96, 0.35],
        0.0,
    )
    at_terminal = distance_km(
        people.latitude[customer],
        people.longitude[customer],
        places_.latitude[terminal],
        places_.longitude[terminal],
    )
    return Batch(
        customer=customer,
        second=second,
        terminal=terminal,
        amount=amount,
        channel=channel,
        authenticated=rng.random(customer.size) < likely,
        distance=np.where(online, network_distance, at_terminal),
        pattern=np.zeros(customer.size, dtype=np.int64),
    )


def _day_weights() -> NDArray[np.float64]:
    """How busy each day is: the week, the weeks before Christmas, a quiet January."""
    dates = START.astype("datetime64[D]") + np.arange(DAYS)
    weekday = (dates.astype(np.int64) + 3) % 7
    weights = np.array([0.92, 0.92, 0.95, 1.0, 1.18, 1.22, 0.81])[weekday]
    month = dates.astype("datetime64[M]").astype(np.int64) % 12 + 1
    weights *= np.select([month == 12, month == 11, month == 1], [1.25, 1.08, 0.88], 1.0)
    return weights / weights.sum()


def _whereabouts(people: Customers, customer: NDArray[Any], day: NDArray[Any]) -> NDArray[np.int64]:
    """The country that each customer is in on that day."""
    country = people.country[customer].copy()
    for trip in range(people.trips.shape[1]):
        first, last, to = (people.trips[customer, trip, part] for part in range(3))
        country = np.where((day >= first) & (day <= last), to, country)
    return country


def _local_hour(rng: Generator, online: NDArray[np.bool_], shift: NDArray[Any]) -> NDArray[Any]:
    """When on the day: shops around noon and after work, online later and also at night."""
    size = online.size
    part = rng.random(size)
    noise = rng.standard_normal(size)
    spread = rng.random(size)
    shop = np.select(
        [part < 0.48, part < 0.94], [12.3 + 2.4 * noise, 17.8 + 2.2 * noise], 6.0 + 18.0 * spread
    )
    web = np.select(
        [part < 0.30, part < 0.84], [13.0 + 3.0 * noise, 20.3 + 2.2 * noise], 24.0 * spread
    )
    return np.mod(np.where(online, web, shop) + shift, 24.0)


def _shop(
    rng: Generator, world: World, customer: NDArray[Any], country: NDArray[Any]
) -> NDArray[Any]:
    """A shop: one of those nearby, at times any other one of the country, on a trip any there."""
    liked = np.minimum(rng.geometric(0.13, customer.size) - 1, 29)
    terminal = world.customers.shops[customer, liked]
    stranger = (country != world.customers.country[customer]) | (rng.random(customer.size) < 0.03)
    for index in range(len(COUNTRIES)):
        there = np.flatnonzero(~world.terminals.online & (world.terminals.country == index))
        visiting = np.flatnonzero(stranger & (country == index))
        terminal[visiting] = rng.choice(there, visiting.size)
    return terminal


def _online_merchant(rng: Generator, world: World, customer: NDArray[Any]) -> NDArray[Any]:
    """An online merchant: mostly a liked one."""
    liked = np.minimum(rng.geometric(0.22, customer.size) - 1, 11)
    anywhere = rng.choice(world.terminals.where(online=True), customer.size)
    explores = rng.random(customer.size) < 0.15
    return np.where(explores, anywhere, world.customers.merchants[customer, liked])


def _network_distance(
    rng: Generator, world: World, customer: NDArray[Any], country: NDArray[Any]
) -> NDArray[Any]:
    """From home to the network address that the customer pays from."""
    people = world.customers
    size = customer.size
    nearby = rng.exponential(np.where(rng.random(size) < 0.12, 90.0, 7.0))
    tunnel = rng.random(size) < 0.02
    country = np.where(tunnel, rng.integers(0, len(COUNTRIES), size), country)
    latitude, longitude = places(rng, country)
    away = distance_km(people.latitude[customer], people.longitude[customer], latitude, longitude)
    return np.where((country != people.country[customer]) | tunnel, away, nearby)


def _sprees(rng: Generator, world: World, batch: Batch) -> Batch:
    """Now and then one payment is followed by a few more within the hour."""
    start = np.flatnonzero(rng.random(batch.size) < 0.03)
    index = np.repeat(start, rng.integers(1, 5, start.size))
    first = batch.take(index)
    after = np.cumsum(np.ones(index.size)) - np.searchsorted(index, index)
    second = first.second + (after * rng.uniform(120, 1200, index.size)).astype(np.int64)
    people = world.customers
    same = rng.random(index.size) < 0.4
    liked = np.minimum(rng.geometric(0.13, index.size) - 1, 29)
    other = np.where(
        world.terminals.online[first.terminal],
        people.merchants[first.customer, liked % 12],
        people.shops[first.customer, liked],
    )
    terminal = np.where(same, first.terminal, other)
    return pay(rng, world, first.customer, second, terminal, first.distance)


def columns(
    world: World, batch: Batch, aggregates: dict[str, NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    """The transactions as the fields of the declaration, rounded as an API would carry them."""
    people, terminals = world.customers, world.terminals
    number = np.arange(batch.size)
    return {
        "transaction_id": np.char.add("tx-", np.char.zfill(number.astype("U7"), 7)),
        "timestamp": (START + batch.second).astype("datetime64[us]"),
        "amount": batch.amount,
        "merchant_category": CATEGORY_NAMES[terminals.category[batch.terminal]],
        "channel": CHANNELS[batch.channel],
        "merchant_country": COUNTRY_CODES[terminals.country[batch.terminal]],
        "customer_country": COUNTRY_CODES[people.country[batch.customer]],
        "customer_id": np.char.add("c-", np.char.zfill(batch.customer.astype("U5"), 5)),
        "strong_authentication": batch.authenticated,
        "account_age_days": batch.second // DAY - people.opened[batch.customer],
        "distance_from_home_km": batch.distance,
        **aggregates,
    }
