//! Packages for distributions and firmware: the files they hold, the formats, recipes, bills of materials.

pub mod formats;
pub mod recipes;
pub mod sbom;
pub mod tree;
