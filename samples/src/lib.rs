//! Sample microservices: a sensor that sends ioMessages and a dashboard that draws them.
