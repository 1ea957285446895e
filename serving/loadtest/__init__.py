"""Load on a service: a constant rate, a search for its limit, and a soak; what became of it all."""
