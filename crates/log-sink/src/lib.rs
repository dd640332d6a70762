//! A small sink for the log facade: level, target, key=value, to stderr or rotating files (adapter layer).
