//! Black-box tests over real processes, and the helpers they share.
