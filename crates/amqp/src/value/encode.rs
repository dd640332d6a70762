//! Writing of values.
