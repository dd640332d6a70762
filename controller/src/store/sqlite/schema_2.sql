-- Edge resources, application templates, and what agents are asked about: hardware, traces, tunnels, snapshots.
CREATE TABLE edge_resources (
  id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, name TEXT NOT NULL, version TEXT NOT NULL,
  document TEXT NOT NULL, UNIQUE (user_id, name, version)
);
CREATE TABLE edge_resource_links (
  resource_id INTEGER NOT NULL, fog_uuid TEXT NOT NULL, PRIMARY KEY (resource_id, fog_uuid)
);
CREATE INDEX edge_resource_links_fog ON edge_resource_links (fog_uuid);
CREATE TABLE application_templates (
  id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, name TEXT NOT NULL,
  created INTEGER NOT NULL, updated INTEGER NOT NULL, document TEXT NOT NULL, UNIQUE (user_id, name)
);
CREATE TABLE hal_info (
  id INTEGER PRIMARY KEY AUTOINCREMENT, fog_uuid TEXT NOT NULL, kind TEXT NOT NULL, info TEXT NOT NULL,
  created INTEGER NOT NULL, updated INTEGER NOT NULL, UNIQUE (fog_uuid, kind)
);
CREATE TABLE straces (microservice_uuid TEXT PRIMARY KEY, run INTEGER NOT NULL, buffer TEXT NOT NULL);
CREATE TABLE tunnels (id INTEGER PRIMARY KEY AUTOINCREMENT, fog_uuid TEXT NOT NULL UNIQUE, document TEXT NOT NULL);
CREATE TABLE image_snapshots (microservice_uuid TEXT PRIMARY KEY, path TEXT);
