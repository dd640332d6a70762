//! REST types of the contract: bodies, validation messages, field aliases and number rules (wire layer, no I/O).
