"""Three models on real data, for the demo and as a start for your own."""
