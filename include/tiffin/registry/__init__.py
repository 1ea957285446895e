"""The model registry: what should be live. MLflow's in production, one in memory beside it."""
