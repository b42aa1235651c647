"""Imports, erasures and builds over HTTP: started, followed, answered for."""
