"""The invented town: three parts, their streets as straight lines, in metres from the middle of the map."""

import math
from dataclasses import dataclass

_METRES_PER_DEGREE = 111_320.0


@dataclass(frozen=True, slots=True)
class Spot:
    """A place, in metres east and north of the middle of the map."""

    east_m: float
    north_m: float

    def towards(self, other: "Spot", share: float) -> "Spot":
        """Return the place that lies this share of the way to another."""
        return Spot(
            self.east_m + (other.east_m - self.east_m) * share,
            self.north_m + (other.north_m - self.north_m) * share,
        )

    def distance_m(self, other: "Spot") -> float:
        """Return how far another place is, as the crow flies."""
        return math.hypot(self.east_m - other.east_m, self.north_m - other.north_m)

    def degrees(self, middle: tuple[float, float]) -> tuple[float, float]:
        """Return latitude and longitude, for a map whose middle is there."""
        latitude = middle[0] + self.north_m / _METRES_PER_DEGREE
        shrink = math.cos(math.radians(middle[0]))
        return round(latitude, 6), round(middle[1] + self.east_m / (_METRES_PER_DEGREE * shrink), 6)


@dataclass(frozen=True, slots=True)
class Street:
    """A street with houses numbered along it; blocks of flats or single houses."""

    name: str
    start: Spot
    end: Spot
    is_flats: bool
    last_number: int

    def house(self, number: int) -> Spot:
        """Return where a house stands: even numbers on one side, odd on the other."""
        middle = self.start.towards(self.end, number / (self.last_number + 1))
        length = max(self.start.distance_m(self.end), 1.0)
        side = 18.0 if number % 2 else -18.0
        across = (
            -(self.end.north_m - self.start.north_m) / length,
            (self.end.east_m - self.start.east_m) / length,
        )
        return Spot(middle.east_m + side * across[0], middle.north_m + side * across[1])


@dataclass(frozen=True, slots=True)
class District:
    """A part of the town: what its POP is called and where, and the streets it serves."""

    pop: str
    pop_name: str
    city: str
    postcode: str
    language: str
    seat: Spot
    streets: tuple[Street, ...]


def _street(name: str, ends: tuple[int, int, int, int], last_number: int, *, flats: bool = False) -> Street:
    return Street(name, Spot(ends[0], ends[1]), Spot(ends[2], ends[3]), flats, last_number)


DISTRICTS: tuple[District, ...] = (
    District(
        "core",
        "Ратуша",
        "Ясенбрід",
        "79901",
        "uk",
        Spot(0, 0),
        (
            _street("вул. Кабельна", (-700, -250, 650, -180), 40, flats=True),
            _street("вул. Яворова", (-450, 350, 500, 420), 32, flats=True),
            _street("просп. Оптичний", (-150, -900, 120, 900), 60, flats=True),
            _street("вул. Маячна", (-1250, 500, -700, -420), 36),
            _street("вул. Млинна", (550, 620, 1250, 150), 30),
            _street("вул. Тиха", (300, -450, 1050, -820), 26),
        ),
    ),
    District(
        "north",
        "Nowy Bród Północ",
        "Nowy Bród",
        "79934",
        "pl",
        Spot(-500, 2300),
        (
            _street("ul. Lipowa", (-1100, 2150, 150, 2240), 34, flats=True),
            _street("ul. Światłowodowa", (-700, 1900, -520, 2750), 28, flats=True),
            _street("ul. Wrzosowa", (-1500, 2600, -850, 3050), 30),
            _street("ul. Kolejkowa", (-250, 2550, 550, 2850), 26),
            _street("ul. Ogrodowa", (-1600, 2100, -1250, 1650), 22),
        ),
    ),
    District(
        "harbour",
        "Sandhaven Light",
        "Sandhaven",
        "79958",
        "en",
        Spot(2350, -1050),
        (
            _street("Ropewalk", (1950, -900, 2700, -960), 24, flats=True),
            _street("Customs Street", (2250, -650, 2400, -1350), 28, flats=True),
            _street("Lantern Row", (2500, -1250, 3050, -1000), 20),
            _street("Anchor Lane", (2700, -700, 3000, -250), 16),
            _street("Saltmarsh Road", (3150, -1300, 4600, -2300), 40),
        ),
    ),
)
