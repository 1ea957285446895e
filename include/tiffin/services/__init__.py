"""Services as their owners describe them: one YAML file each in include/services/."""
