//! Benchmarks against peers, each with a base URL or address to point at any other implementation.
