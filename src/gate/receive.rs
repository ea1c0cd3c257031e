//! From what arrived to what was signed: one file per format.

pub mod sol004;
