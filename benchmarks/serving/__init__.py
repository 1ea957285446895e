"""What `benchmarks/bench_serving.py` is made of: models, contenders, servers, load, report."""
