"""Calls of every route, a module per noun; tests/serving/test_queries.py explains their queries."""
