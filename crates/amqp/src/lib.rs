//! AMQP 1.0 types, frames, performatives and message sections: bounded depth, count and allocation (wire layer, no I/O).
