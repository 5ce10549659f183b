//! One file per noun.

pub(crate) mod explanations;
pub(crate) mod presets;
pub(crate) mod rules;
