"""What a model version must pass before it is packaged, and the report that a person reads."""
