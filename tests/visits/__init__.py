"""Calls of every route, one module per noun: what tests/test_queries.py explains the queries of."""
