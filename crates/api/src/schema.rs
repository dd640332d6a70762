//! Checks JSON bodies against declared schemas and prints the contract's messages (spec section 0.4).
