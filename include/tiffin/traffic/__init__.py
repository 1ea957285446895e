"""Which share of a Service's requests goes to which Revision: the Split, and the routers."""
