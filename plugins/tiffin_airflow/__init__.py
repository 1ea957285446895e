"""The Airflow surface of Tiffin: operators, links, webhooks. What it does is in `tiffin`."""
