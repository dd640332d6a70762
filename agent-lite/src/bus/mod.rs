//! Message bus: ioMessages between microservices over the AMQP Router.
