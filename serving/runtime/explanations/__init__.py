"""Which column moved a prediction by how much, computed in a slow process beside the server."""
