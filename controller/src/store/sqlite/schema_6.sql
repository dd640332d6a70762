-- Keys with which the devices of a batch enrol themselves, and which device has which agent.
CREATE TABLE enrolment_keys (
  id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER NOT NULL, hash TEXT NOT NULL UNIQUE, created INTEGER NOT NULL,
  expires INTEGER NOT NULL, devices INTEGER NOT NULL, used INTEGER NOT NULL, minute INTEGER NOT NULL, in_minute INTEGER NOT NULL,
  document TEXT NOT NULL
);
CREATE INDEX enrolment_keys_user ON enrolment_keys (user_id);
CREATE TABLE enrolments (
  user_id INTEGER NOT NULL, device TEXT NOT NULL, proof TEXT NOT NULL, fog_uuid TEXT NOT NULL UNIQUE, PRIMARY KEY (user_id, device)
);
