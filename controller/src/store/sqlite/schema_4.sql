-- What mail to users brings, and whether they have answered it.
ALTER TABLE users ADD COLUMN is_activated INTEGER NOT NULL DEFAULT 1;
CREATE TABLE activation_codes (hash TEXT PRIMARY KEY, user_id INTEGER NOT NULL, expires INTEGER NOT NULL);
CREATE INDEX activation_codes_user ON activation_codes (user_id);
CREATE TABLE temporary_passwords (user_id INTEGER PRIMARY KEY, password TEXT NOT NULL, expires INTEGER NOT NULL);
