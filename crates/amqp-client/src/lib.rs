//! AMQP 1.0 client over any byte stream on one tokio thread (adapter layer).
