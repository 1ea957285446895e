"""How MLflow's flavors become estimators: a file for each, and no MLflow but for one."""
