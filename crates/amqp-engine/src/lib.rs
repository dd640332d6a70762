//! AMQP 1.0 connection, session and link state machines for both roles: bytes and time in, bytes and events out (domain layer, no I/O).
