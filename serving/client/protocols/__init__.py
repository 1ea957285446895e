"""How each protocol says rows, and what it calls the answer: a codec each, pure."""
