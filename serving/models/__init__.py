"""Estimators that the examples train, and that an artifact may therefore name."""
