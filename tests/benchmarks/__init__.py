"""The benchmarks: `make bench` measures this project against its peers, side by side, on this machine."""
