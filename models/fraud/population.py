"""The simulated world: countries, customers with homes and habits, merchants' terminals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Generator = np.random.Generator


class Country(NamedTuple):
    """A country as far as the simulation needs one."""

    code: str
    latitude: float
    longitude: float
    spread: float  # standard deviation of places, in degrees
    utc_offset: int  # hours, the whole year round
    customers: float  # share of the customers
    terminals: float  # share of the terminals


COUNTRIES = (
    Country("DE", 51.0, 10.0, 1.6, 1, 0.22, 0.16),
    Country("FR", 46.8, 2.4, 1.7, 1, 0.16, 0.13),
    Country("IT", 43.5, 12.0, 1.7, 1, 0.13, 0.11),
    Country("ES", 40.2, -3.7, 1.8, 1, 0.13, 0.11),
    Country("NL", 52.2, 5.3, 0.6, 1, 0.09, 0.08),
    Country("PL", 52.1, 19.4, 1.5, 1, 0.10, 0.08),
    Country("AT", 47.6, 14.2, 1.0, 1, 0.06, 0.06),
    Country("RO", 45.9, 25.0, 1.3, 2, 0.06, 0.06),
    Country("PT", 39.6, -8.0, 0.9, 0, 0.05, 0.05),
    Country("GB", 52.5, -1.5, 1.5, 0, 0.0, 0.07),
    Country("US", 39.5, -96.0, 8.0, -6, 0.0, 0.06),
    Country("JP", 35.8, 138.5, 2.0, 9, 0.0, 0.03),
)

COUNTRY_CODES = np.array([country.code for country in COUNTRIES])
UTC_OFFSETS = np.array([country.utc_offset for country in COUNTRIES])


class Category(NamedTuple):
    """What a merchant sells: how much it costs, and how many terminals sell it."""

    name: str
    log_mean: float  # of the amount in euro
    log_deviation: float
    in_shops: float  # share of the terminals in shops
    online: float  # share of the merchants online


CATEGORIES = (
    Category("grocery", 3.1, 0.75, 0.28, 0.06),
    Category("restaurant", 2.9, 0.65, 0.20, 0.10),
    Category("fuel", 3.8, 0.40, 0.10, 0.00),
    Category("fashion", 3.9, 0.70, 0.11, 0.17),
    Category("electronics", 4.5, 0.95, 0.05, 0.14),
    Category("travel", 4.6, 0.95, 0.05, 0.09),
    Category("entertainment", 3.1, 0.65, 0.06, 0.09),
    Category("digital_goods", 2.3, 0.90, 0.00, 0.17),
    Category("gambling", 3.3, 0.95, 0.01, 0.05),
    Category("health", 3.2, 0.70, 0.08, 0.05),
    Category("jewelry", 5.0, 0.85, 0.02, 0.03),
    Category("services", 3.7, 0.85, 0.04, 0.05),
)

CATEGORY_NAMES = np.array([category.name for category in CATEGORIES])


def category_index(*names: str) -> NDArray[np.int64]:
    """The indices of categories in `CATEGORIES`."""
    return np.array([CATEGORY_NAMES.tolist().index(name) for name in names])


@dataclass
class Customers:
    """One entry per customer in each array."""

    country: NDArray[np.int64]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    spending: NDArray[np.float64]  # factor on every amount
    rate: NDArray[np.float64]  # transactions a day
    online_share: NDArray[np.float64]
    hour_shift: NDArray[np.float64]  # lives this much later than others
    opened: NDArray[np.int64]  # day of the account's opening, negative before the first day
    shops: NDArray[np.int64]  # [customers, 30] terminals nearby, the most liked first
    merchants: NDArray[np.int64]  # [customers, 12] online, the most liked first
    trips: NDArray[np.int64]  # [customers, 3, 3] first day, last day, country; empty: last < first


@dataclass
class Terminals:
    """One entry per terminal in each array; an online merchant counts as a terminal."""

    country: NDArray[np.int64]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    category: NDArray[np.int64]
    online: NDArray[np.bool_]
    authentication: NDArray[np.float64]  # how often an online payment is challenged

    def where(self, *, online: bool, categories: tuple[str, ...] = ()) -> NDArray[np.int64]:
        """The terminals in shops or online, of these categories or of all."""
        chosen = self.online == online
        if categories:
            chosen &= np.isin(self.category, category_index(*categories))
        return np.flatnonzero(chosen)


def distance_km(lat_a: Any, lon_a: Any, lat_b: Any, lon_b: Any) -> NDArray[np.float64]:
    """Great-circle distance by the haversine formula."""
    lat_a, lon_a, lat_b, lon_b = (np.radians(v) for v in (lat_a, lon_a, lat_b, lon_b))
    h = (
        np.sin((lat_b - lat_a) / 2) ** 2
        + np.cos(lat_a) * np.cos(lat_b) * np.sin((lon_b - lon_a) / 2) ** 2
    )
    return 2 * 6371.0 * np.arcsin(np.sqrt(np.clip(h, 0.0, 1.0)))


def places(rng: Generator, country: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
    """A random place in each of these countries: latitudes and longitudes."""
    centre = np.array([(c.latitude, c.longitude, c.spread) for c in COUNTRIES])[country]
    latitude = centre[:, 0] + centre[:, 2] * rng.standard_normal(country.size)
    longitude = centre[:, 1] + 1.4 * centre[:, 2] * rng.standard_normal(country.size)
    return latitude, longitude


def _shares(values: list[float]) -> NDArray[np.float64]:
    return np.array(values) / np.sum(values)


def make_terminals(rng: Generator, in_shops: int, online: int) -> Terminals:
    """Terminals in shops first, then online merchants."""
    count = in_shops + online
    country = rng.choice(len(COUNTRIES), count, p=_shares([c.terminals for c in COUNTRIES]))
    latitude, longitude = places(rng, country)
    category = np.concatenate([
        rng.choice(len(CATEGORIES), in_shops, p=_shares([c.in_shops for c in CATEGORIES])),
        rng.choice(len(CATEGORIES), online, p=_shares([c.online for c in CATEGORIES])),
    ])
    return Terminals(
        country=country,
        latitude=latitude,
        longitude=longitude,
        category=category,
        online=np.arange(count) >= in_shops,
        authentication=rng.beta(2.2, 1.6, count),
    )


def make_customers(rng: Generator, count: int, terminals: Terminals, days: int) -> Customers:
    """Customers with a home, habits, the shops and merchants that they like, and their trips."""
    country = rng.choice(len(COUNTRIES), count, p=_shares([c.customers for c in COUNTRIES]))
    latitude, longitude = places(rng, country)
    is_new = rng.random(count) < 0.12
    opened = np.where(
        is_new,
        rng.integers(0, days - 10, count),
        -rng.exponential(1500, count).astype(np.int64) - 1,
    )
    night_owl = rng.random(count) < 0.06
    return Customers(
        country=country,
        latitude=latitude,
        longitude=longitude,
        spending=np.exp(0.45 * rng.standard_normal(count)),
        rate=np.clip(0.72 * np.exp(0.6 * rng.standard_normal(count)), 0.05, 6.0),
        online_share=rng.beta(2.0, 4.0, count),
        hour_shift=0.8 * rng.standard_normal(count) + np.where(night_owl, 5.0, 0.0),
        opened=opened,
        shops=_nearby_shops(rng, country, latitude, longitude, terminals),
        merchants=_liked_merchants(rng, country, terminals),
        trips=_trips(rng, count, days),
    )


def _nearby_shops(
    rng: Generator,
    country: NDArray[np.int64],
    latitude: NDArray[np.float64],
    longitude: NDArray[np.float64],
    terminals: Terminals,
    each: int = 30,
) -> NDArray[np.int64]:
    """For each customer the shops of the country with the smallest randomised distance."""
    shops = np.zeros((country.size, each), dtype=np.int64)
    for index in range(len(COUNTRIES)):
        here = np.flatnonzero(country == index)
        if here.size == 0:
            continue
        candidates = np.flatnonzero(~terminals.online & (terminals.country == index))
        away = distance_km(
            latitude[here, None],
            longitude[here, None],
            terminals.latitude[candidates],
            terminals.longitude[candidates],
        )
        away = away * np.exp(0.5 * rng.standard_normal(away.shape))
        shops[here] = candidates[np.argsort(away, axis=1, kind="stable")[:, :each]]
    return shops


def _liked_merchants(
    rng: Generator, country: NDArray[np.int64], terminals: Terminals, each: int = 12
) -> NDArray[np.int64]:
    """For each customer online merchants, two thirds of them at home."""
    everywhere = np.flatnonzero(terminals.online)
    liked = rng.choice(everywhere, (country.size, each))
    for index in range(len(COUNTRIES)):
        here = np.flatnonzero(country == index)
        at_home = everywhere[terminals.country[everywhere] == index]
        own = rng.random((here.size, each)) < 0.67
        liked[here] = np.where(own, rng.choice(at_home, own.shape), liked[here])
    return liked


def _trips(rng: Generator, count: int, days: int, at_most: int = 3) -> NDArray[np.int64]:
    """For each customer up to three stays abroad."""
    how_many = np.minimum(rng.poisson(0.9, count), at_most)
    first = rng.integers(0, days, (count, at_most))
    last = first + rng.integers(2, 15, (count, at_most))
    last = np.where(np.arange(at_most) < how_many[:, None], last, -1)
    return np.stack([first, last, rng.integers(0, len(COUNTRIES), first.shape)], axis=2)
