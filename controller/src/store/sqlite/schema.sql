-- First schema. Only types and clauses that PostgreSQL knows as well, but for AUTOINCREMENT.
CREATE TABLE users (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  email TEXT NOT NULL UNIQUE, first_name TEXT NOT NULL, last_name TEXT NOT NULL, password TEXT NOT NULL
);
CREATE TABLE user_tokens (hash TEXT PRIMARY KEY, user_id INTEGER NOT NULL, expires INTEGER NOT NULL);
CREATE TABLE fogs (
  uuid TEXT PRIMARY KEY, user_id INTEGER NOT NULL, name TEXT NOT NULL, is_system INTEGER NOT NULL,
  created INTEGER NOT NULL, updated INTEGER NOT NULL, document TEXT NOT NULL
);
CREATE INDEX fogs_user ON fogs (user_id);
CREATE INDEX fogs_name ON fogs (name);
CREATE TABLE fog_status (fog_uuid TEXT PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE fog_tokens (fog_uuid TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, expires INTEGER NOT NULL);
CREATE TABLE provision_keys (fog_uuid TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, expires INTEGER NOT NULL);
CREATE TABLE version_commands (
  fog_uuid TEXT PRIMARY KEY, command TEXT NOT NULL, provision_key TEXT NOT NULL, expires INTEGER NOT NULL
);
CREATE TABLE changes (
  id INTEGER PRIMARY KEY AUTOINCREMENT, fog_uuid TEXT NOT NULL, stamp TEXT NOT NULL, flags INTEGER NOT NULL
);
CREATE INDEX changes_fog ON changes (fog_uuid);
CREATE TABLE routers (
  id INTEGER PRIMARY KEY AUTOINCREMENT, fog_uuid TEXT UNIQUE, is_default INTEGER NOT NULL,
  created INTEGER NOT NULL, updated INTEGER NOT NULL, document TEXT NOT NULL
);
CREATE TABLE router_connections (source_id INTEGER NOT NULL, dest_id INTEGER NOT NULL, PRIMARY KEY (source_id, dest_id));
CREATE TABLE applications (
  id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, name TEXT NOT NULL, description TEXT,
  is_activated INTEGER NOT NULL, is_system INTEGER NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,
  UNIQUE (user_id, name)
);
CREATE TABLE microservices (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  uuid TEXT NOT NULL UNIQUE, name TEXT NOT NULL, application_id INTEGER, fog_uuid TEXT, user_id INTEGER,
  catalog_item_id INTEGER, registry_id INTEGER NOT NULL, rebuild INTEGER NOT NULL,
  created INTEGER NOT NULL, updated INTEGER NOT NULL, document TEXT NOT NULL,
  UNIQUE (application_id, name)
);
CREATE INDEX microservices_fog ON microservices (fog_uuid);
CREATE TABLE microservice_status (microservice_uuid TEXT PRIMARY KEY, document TEXT NOT NULL);
CREATE TABLE public_ports (
  id INTEGER PRIMARY KEY AUTOINCREMENT, microservice_uuid TEXT NOT NULL, internal INTEGER NOT NULL,
  host_key TEXT NOT NULL, public_port INTEGER NOT NULL, document TEXT NOT NULL,
  UNIQUE (host_key, public_port)
);
CREATE INDEX public_ports_microservice ON public_ports (microservice_uuid);
CREATE TABLE routes (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, application_id INTEGER NOT NULL,
  source_uuid TEXT NOT NULL, dest_uuid TEXT NOT NULL, UNIQUE (application_id, name)
);
CREATE INDEX routes_source ON routes (source_uuid);
CREATE INDEX routes_dest ON routes (dest_uuid);
CREATE TABLE registries (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER, document TEXT NOT NULL);
CREATE TABLE catalog_items (
  id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER, name TEXT NOT NULL, category TEXT, document TEXT NOT NULL
);
CREATE TABLE config (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, content TEXT NOT NULL,
  created INTEGER NOT NULL, updated INTEGER NOT NULL
);
CREATE TABLE counters (name TEXT PRIMARY KEY, last INTEGER NOT NULL);
