"""What the service can say: measures, metrics, bases and dimensions, each declared once.

Schemas, encoders, CSV headers, the catalogue answer and the documentation derive from these declarations.
"""
