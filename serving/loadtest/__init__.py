"""Steady load on a service, and what became of each request."""
