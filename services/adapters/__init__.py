"""The outside world: each module hides one outside system behind the domain's own words."""
