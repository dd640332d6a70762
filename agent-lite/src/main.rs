//! ioFog Agent: runs microservices as containers, with the edge Router and the Proxy inside.

fn main() {}
