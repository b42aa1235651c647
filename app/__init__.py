"""OrgCoverage: organisational-coverage statistics, from registry files to an HTTP API."""
