"""Golden requests, posted straight to a candidate before it sees traffic."""
