"""The routes below /tiffin of the Airflow API server: webhooks, and the pages of Releases."""
