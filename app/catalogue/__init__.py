"""What the service counts, and in which words: measures, metrics, bases and enumerations, declared once."""
