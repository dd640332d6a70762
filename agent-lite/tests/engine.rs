//! One behaviour, several engines: Docker, Podman through the same API, the native engine, and the simulated one as far as it has processes.

#[cfg(test)]
mod engine_support;
