//! Local API: HTTP and WebSocket server for the microservices of this node.
