//! Reading of values.
