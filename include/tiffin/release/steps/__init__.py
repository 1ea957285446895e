"""The steps of a Release, each a function that converges: an Airflow task calls one of them.

In the order of the way: opening, preparing, starting, ramping, promoting, ending; and
rolling_back, which wins over all of them.
"""
