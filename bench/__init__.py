"""What CLUTCH costs on this machine, as ratios within one run. `make bench` prints the tables."""
