"""The BentoML services that stand around the runtime."""
