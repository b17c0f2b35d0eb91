"""Invented positions: a guidance station has its corner of its district, and what stands there lies around it.

A few have none, as in life; a district that the map does not draw has none at all. Positions have random numbers of their
own, so that everything else of the invented city stays as it is.
"""

import json
from decimal import Decimal

import numpy as np

from orgs.divisions import MAP_FILE
from orgs.models import Organization

UNKNOWN = 0.1  # share of places without a position
CORNER, AROUND = 0.15, 0.008  # of the district's extent; of a degree, some nine hundred metres


class Positions:
    def __init__(self, seed: int):
        self._random = np.random.default_rng(seed)
        self._boxes = _boxes()

    def of(self, unit: Organization) -> dict[str, Decimal]:
        """Latitude and longitude of one more place at a guidance station; nothing where none is known."""
        box = self._boxes.get(unit.district.name)
        if box is None or self._random.random() < UNKNOWN:
            return {}
        low, high = box
        corner = np.random.default_rng(unit.pk).normal(0, CORNER, 2)
        spot = (low + high) / 2 + corner * (high - low) + self._random.normal(0, AROUND, 2)
        east, north = np.clip(spot, low, high)
        return {"latitude": Decimal(f"{north:.6f}"), "longitude": Decimal(f"{east:.6f}")}


def _boxes() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The south-west and the north-east corner of each district that the map draws."""
    found = {}
    for feature in json.loads(MAP_FILE.read_text(encoding="utf-8"))["features"]:
        shape = feature["geometry"]
        polygons = shape["coordinates"] if shape["type"] == "MultiPolygon" else [shape["coordinates"]]
        ring = np.array(max((polygon[0] for polygon in polygons), key=len))
        found[feature["properties"]["name"]] = (ring.min(axis=0), ring.max(axis=0))
    return found
