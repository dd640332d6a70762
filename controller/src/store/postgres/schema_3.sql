-- What mail to users brings, and whether they have answered it.
ALTER TABLE users ADD COLUMN is_activated BIGINT NOT NULL DEFAULT 1;
CREATE TABLE activation_codes (hash TEXT COLLATE "C" PRIMARY KEY, user_id BIGINT NOT NULL, expires BIGINT NOT NULL);
CREATE INDEX activation_codes_user ON activation_codes (user_id);
CREATE TABLE temporary_passwords (user_id BIGINT PRIMARY KEY, password TEXT COLLATE "C" NOT NULL, expires BIGINT NOT NULL);
