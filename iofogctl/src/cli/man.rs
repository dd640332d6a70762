//! Manual pages.
