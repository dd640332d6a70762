//! AMQP 1.0 message router for edge, interior and standalone modes.
