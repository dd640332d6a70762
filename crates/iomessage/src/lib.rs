//! ioMessage in its binary (version 4) and JSON forms (wire layer, no I/O).
