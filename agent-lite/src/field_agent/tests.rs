//! The field agent against a scripted Controller: see the crate's `tests` folder.
