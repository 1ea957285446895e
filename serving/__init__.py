"""What answers requests; an island that imports nothing of include/ or plugins/."""
