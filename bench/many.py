"""The service with BENCH_RESOURCES more resources, below /api/bench/r1, /api/bench/r2 and so on."""

import os

from app.main import app
from bench.larder.service import add

__all__ = ["app"]

for number in range(int(os.environ["BENCH_RESOURCES"])):
    add(f"/api/bench/r{number + 1}")
