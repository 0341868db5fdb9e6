"""What every API family shares and none of them is: callers, limits, errors, parsing, logs."""
