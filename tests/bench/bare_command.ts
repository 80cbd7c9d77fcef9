// Runs in: benchmarks (a program that does nothing).
