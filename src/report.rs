//! A verdict, shown. Every format escapes what came from the drop.

pub mod json;
pub mod text;
