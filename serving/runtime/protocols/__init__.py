"""The languages that clients speak: from a request's body to rows, from outputs to a body."""
