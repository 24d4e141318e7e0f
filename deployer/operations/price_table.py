"""Prices of On-Demand instances that need no question: of one Region, at one time. Data.

From AWS's public price list (EC2, Linux, shared tenancy). Within a family the price goes with the size,
so a family's `large` tells all of them. Sizes of bare metal cost a little more, and are not here.
"""

from collections.abc import Mapping
from typing import Final

AS_OF: Final = "9 February 2026"
REGION: Final = "us-east-1"

LARGE_USD: Final[Mapping[str, float]] = {
    "c5": 0.085, "c5a": 0.077, "c5d": 0.096, "c5n": 0.108,
    "c6a": 0.0765, "c6g": 0.068, "c6gd": 0.0768, "c6gn": 0.0864, "c6i": 0.085, "c6id": 0.1008,
    "c6in": 0.1134, "c7a": 0.10264, "c7g": 0.0725, "c7gd": 0.0907, "c7gn": 0.1248, "c7i": 0.08925,
    "c7i-flex": 0.08479, "c8a": 0.10777, "c8g": 0.07976, "c8gd": 0.09798, "c8gn": 0.1185,
    "c8i": 0.09371, "c8i-flex": 0.08902,
    "i3": 0.156, "i3en": 0.226, "i4g": 0.15444, "i4i": 0.172, "i7i": 0.1888, "i8g": 0.1716,
    "t2": 0.0928, "t3": 0.0832, "t3a": 0.0752, "t4g": 0.0672,
    "m5": 0.096, "m5a": 0.086, "m5d": 0.113, "m5n": 0.119,
    "m6a": 0.0864, "m6g": 0.077, "m6gd": 0.0904, "m6i": 0.096, "m6id": 0.11865, "m6in": 0.13923,
    "m7a": 0.11592, "m7g": 0.0816, "m7gd": 0.1068, "m7i": 0.1008, "m7i-flex": 0.09576,
    "m8a": 0.12172, "m8g": 0.08976, "m8gd": 0.11532, "m8i": 0.10584, "m8i-flex": 0.10055,
    "r5": 0.126, "r5a": 0.113, "r5d": 0.144, "r5n": 0.149,
    "r6a": 0.1134, "r6g": 0.1008, "r6gd": 0.1152, "r6i": 0.126, "r6id": 0.1512, "r6in": 0.17433,
    "r7a": 0.15215, "r7g": 0.1071, "r7gd": 0.1361, "r7i": 0.1323, "r8a": 0.15976,
    "r8gd": 0.14696, "r8i": 0.13892, "r8i-flex": 0.13197,
    "x2gd": 0.167, "x8g": 0.1954, "z1d": 0.186,
}  # fmt: skip
"""US dollars an hour of a family's `large`."""

IN_LARGES: Final[Mapping[str, float]] = {
    "nano": 1 / 16, "micro": 1 / 8, "small": 1 / 4, "medium": 1 / 2, "large": 1.0, "xlarge": 2.0,
}  # fmt: skip
"""Sizes, as many `large` as each is; `8xlarge` is 8 times an `xlarge`."""
