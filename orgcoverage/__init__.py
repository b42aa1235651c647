"""The Python client of OrgCoverage: statistics as pandas frames, imports followed to their end.

It needs httpx and pandas alone, works against any address, and holds nothing of the service.

Examples
--------
>>> import orgcoverage
>>> with orgcoverage.connect("http://127.0.0.1:8000") as service:
...     streets = service.districts(parent="350203", fields=["members", "member_ratio"])
>>> int(streets["members"].sum())
1206
"""

from orgcoverage.client import Client, connect
from orgcoverage.problems import Problem

__all__ = ["Client", "Problem", "connect"]
