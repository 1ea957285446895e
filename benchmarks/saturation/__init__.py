"""What servers still answer when more is asked than they can answer."""
