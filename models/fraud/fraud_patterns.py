"""How frauds come about: five patterns, each with its own signs and its own overlap with what
customers do themselves. Patterns that are easy to tell are rare in practice; here too each one has
episodes that look ordinary.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from population import COUNTRIES, Generator, distance_km, places
from simulate import CHIP, CONTACTLESS, DAY, DAYS, MAGSTRIPE, ONLINE, Batch, World

PATTERNS = (
    "none",
    "stolen_card",
    "compromised_terminal",
    "account_takeover",
    "card_testing",
    "high_amount",
)
STOLEN_CARD, COMPROMISED_TERMINAL, ACCOUNT_TAKEOVER, CARD_TESTING, HIGH_AMOUNT = range(1, 6)


def add_frauds(seed: int, world: World, batch: Batch) -> Batch:
    """Lays all patterns over genuine transactions and sorts the whole by time."""
    rng = np.random.default_rng([seed, 3])
    compromise_terminals(rng, world, batch)
    everything = Batch.concat([
        batch,
        stolen_cards(rng, world, 340),
        account_takeovers(rng, world, 430),
        card_testing(rng, world, 280),
        high_amounts(rng, world, 800),
    ])
    inside = (everything.second >= 0) & (everything.second < DAYS * DAY)
    open_ = everything.second // DAY >= world.customers.opened[everything.customer]
    everything = everything.take(inside & open_)
    everything.amount = everything.amount.clip(0.01, 20_000.0).round(2)
    everything.distance = everything.distance.round(1)
    return everything.take(np.argsort(everything.second, kind="stable"))


def compromise_terminals(rng: Generator, world: World, batch: Batch) -> None:
    """For some weeks, cards copied elsewhere are used at a terminal whose owner looks away. Turns
    payments of the batch into frauds."""
    count = 36
    busy = np.bincount(batch.terminal, minlength=world.terminals.country.size)
    terminals = rng.choice(np.flatnonzero(busy > DAYS // 2), count, replace=False)
    first = rng.integers(0, DAYS - 14, count) * DAY
    last = first + rng.integers(28, 64, count) * DAY
    share = rng.beta(2.6, 1.1, count)
    for terminal, begin, end, part in zip(terminals, first, last, share, strict=True):
        at = (batch.terminal == terminal) & (batch.second >= begin) & (batch.second < end)
        hit = np.flatnonzero(at & (rng.random(batch.size) < part))
        batch.pattern[hit] = COMPROMISED_TERMINAL
        batch.amount[hit] *= rng.uniform(0.9, 2.6, hit.size)
        shop = ~world.terminals.online[batch.terminal[hit]]
        swiped = shop & (rng.random(hit.size) < 0.45)
        batch.channel[hit] = np.where(swiped, MAGSTRIPE, batch.channel[hit])
        batch.authenticated[hit] &= rng.random(hit.size) < 0.2


def stolen_cards(rng: Generator, world: World, episodes: int) -> Batch:
    """A card is taken and used in shops nearby until it is blocked: many payments in few hours."""
    index, customer, start = _episodes(rng, world, episodes, 2, 9)
    begin = start + (rng.normal(16.0, 4.0, episodes) * 3600).astype(np.int64)
    second = begin[index] + _gaps(rng, index, 3.0, 30.0)
    shop_of = world.customers.shops[customer[index], rng.integers(0, 30, index.size)]
    costly = world.terminals.where(online=False, categories=("electronics", "jewelry", "fashion"))
    terminal = np.where(rng.random(index.size) < 0.18, rng.choice(costly, index.size), shop_of)
    tap = rng.random(index.size) < 0.62
    amount = np.where(
        tap, rng.uniform(14.0, 49.9, index.size), np.exp(rng.normal(4.9, 0.8, index.size))
    )
    channel = np.where(tap, CONTACTLESS, np.where(rng.random(index.size) < 0.4, MAGSTRIPE, CHIP))
    return _batch(
        world, customer[index], second, terminal, amount, channel,
        authenticated=(channel == CHIP) & (rng.random(index.size) < 0.5),
        distance=None, pattern=STOLEN_CARD,
    )


def account_takeovers(rng: Generator, world: World, episodes: int) -> Batch:
    """Card data pay online: large amounts, often at night and from far away."""
    index, customer, start = _episodes(rng, world, episodes, 1, 8)
    night = rng.random(episodes) < 0.7
    hour = np.where(night, rng.normal(2.0, 1.9, episodes), rng.uniform(6.0, 23.0, episodes))
    second = (start + (hour * 3600).astype(np.int64))[index] + _gaps(rng, index, 1.0, 35.0)
    kinds = ("electronics", "digital_goods", "travel", "gambling", "fashion", "jewelry")
    wanted = world.terminals.where(online=True, categories=kinds)
    amount = np.exp(rng.normal(5.6, 0.8, index.size))
    far = rng.random(episodes) < 0.72
    return _batch(
        world, customer[index], second, rng.choice(wanted, index.size), amount,
        np.full(index.size, ONLINE),
        authenticated=rng.random(index.size) < 0.13,
        distance=_network(rng, world, customer, far)[index], pattern=ACCOUNT_TAKEOVER,
    )


def card_testing(rng: Generator, world: World, episodes: int) -> Batch:
    """A robot tries a card with tiny payments in a row; at times a large one follows."""
    index, customer, start = _episodes(rng, world, episodes, 3, 9)
    begin = start + (rng.uniform(0.0, 24.0, episodes) * 3600).astype(np.int64)
    second = begin[index] + _gaps(rng, index, 0.1, 4.0)
    kinds = ("digital_goods", "services", "entertainment")
    cheap = world.terminals.where(online=True, categories=kinds)
    terminal = rng.choice(cheap, episodes)[index]
    last = np.append(index[1:] != index[:-1], True)
    strikes = last & (rng.random(index.size) < 0.5)
    amount = np.where(
        strikes, np.exp(rng.normal(5.4, 0.6, index.size)), rng.uniform(0.3, 4.5, index.size)
    )
    far = rng.random(episodes) < 0.6
    return _batch(
        world, customer[index], second, terminal, amount, np.full(index.size, ONLINE),
        authenticated=rng.random(index.size) < 0.03,
        distance=_network(rng, world, customer, far)[index], pattern=CARD_TESTING,
    )


def high_amounts(rng: Generator, world: World, episodes: int) -> Batch:
    """A single payment far above what the customer is used to."""
    customer = rng.integers(0, world.customers.rate.size, episodes)
    hour = np.mod(rng.normal(17.0, 5.0, episodes), 24.0)
    second = rng.integers(0, DAYS, episodes) * DAY + (hour * 3600).astype(np.int64)
    online = rng.random(episodes) < 0.55
    kinds = ("electronics", "jewelry", "travel", "fashion")
    terminal = np.where(
        online,
        rng.choice(world.terminals.where(online=True, categories=kinds), episodes),
        rng.choice(world.terminals.where(online=False, categories=kinds), episodes),
    )
    amount = 60.0 * world.customers.spending[customer] * rng.uniform(5.0, 45.0, episodes)
    channel = np.where(online, ONLINE, np.where(rng.random(episodes) < 0.35, MAGSTRIPE, CHIP))
    far = rng.random(episodes) < 0.3
    return _batch(
        world, customer, second, terminal, amount, channel,
        authenticated=rng.random(episodes) < 0.2,
        distance=_network(rng, world, customer, far), pattern=HIGH_AMOUNT,
    )


def _episodes(
    rng: Generator, world: World, episodes: int, fewest: int, most: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Per transaction the index of its episode; per episode its customer and its day's second."""
    customer = rng.integers(0, world.customers.rate.size, episodes)
    index = np.repeat(np.arange(episodes), rng.integers(fewest, most + 1, episodes))
    return index, customer, rng.integers(0, DAYS, episodes) * DAY


def _gaps(
    rng: Generator, index: NDArray[np.int64], shortest: float, longest: float
) -> NDArray[np.int64]:
    """Seconds since the episode's beginning: gaps of some minutes, added up within the episode."""
    total = np.cumsum(rng.uniform(shortest, longest, index.size) * 60.0)
    return (total - total[np.searchsorted(index, index)]).astype(np.int64)


def _network(
    rng: Generator, world: World, customer: NDArray[Any], far: NDArray[Any]
) -> NDArray[Any]:
    """From the customer's home to the fraudster's network address."""
    people = world.customers
    latitude, longitude = places(rng, rng.integers(0, len(COUNTRIES), customer.size))
    away = distance_km(people.latitude[customer], people.longitude[customer], latitude, longitude)
    return np.where(far, away, rng.exponential(60.0, customer.size))


def _batch(
    world: World,
    customer: NDArray[Any],
    second: NDArray[Any],
    terminal: NDArray[Any],
    amount: NDArray[Any],
    channel: NDArray[Any],
    *,
    authenticated: NDArray[Any],
    distance: NDArray[Any] | None,
    pattern: int,
) -> Batch:
    """Frauds of one pattern. In shops the distance is that of the terminal."""
    people, terminals = world.customers, world.terminals
    at_terminal = distance_km(
        people.latitude[customer], people.longitude[customer],
        terminals.latitude[terminal], terminals.longitude[terminal],
    )
    if distance is None:
        distance = at_terminal
    return Batch(
        customer=customer,
        second=second,
        terminal=terminal,
        amount=amount,
        channel=channel,
        authenticated=authenticated,
        distance=np.where(terminals.online[terminal], distance, at_terminal),
        pattern=np.full(customer.size, pattern, dtype=np.int64),
    )
