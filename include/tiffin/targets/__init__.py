"""Where Revisions run: supervised processes on this machine, or the same promise in memory."""
