//! ioFog Controller: REST API, orchestration rules and stores.
