"""RQ workers: the jobs, the clock that starts some of them, and the process they run in."""
