-- Ports that an external broker opens, and what is to be given back to it.
CREATE TABLE broker_ports (
  id INTEGER PRIMARY KEY AUTOINCREMENT, microservice_uuid TEXT NOT NULL, internal INTEGER NOT NULL,
  server_token TEXT NOT NULL, port_uuid TEXT NOT NULL UNIQUE, document TEXT NOT NULL
);
CREATE INDEX broker_ports_microservice ON broker_ports (microservice_uuid);
CREATE INDEX broker_ports_token ON broker_ports (server_token);
CREATE TABLE broker_returns (
  id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, value TEXT NOT NULL, due INTEGER NOT NULL, UNIQUE (kind, value)
);
CREATE INDEX broker_returns_due ON broker_returns (due);
