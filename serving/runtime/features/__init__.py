"""Features by key: a caller sends a key, and an online store has the rest of the row."""
