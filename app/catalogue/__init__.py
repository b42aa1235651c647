"""The catalogue: measures, metrics, bases, dimensions, analyses and quality rules, each declared once.

Schemas, encoders, CSV headers, the catalogue endpoint and the documentation are derived from these declarations.
"""
