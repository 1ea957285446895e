"""Loading a model and answering rows with it, without MLflow and without a web framework."""
