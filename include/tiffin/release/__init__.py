"""One attempt to move a Service to a new Revision: its phases, its steps, its record."""
