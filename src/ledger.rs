//! The record of verdicts: append-only, and such that whoever kept it can't change it without being found out.
//!
//! An RFC 6962 Merkle tree laid out as [C2SP tlog-tiles](https://c2sp.org/tlog-tiles), with one entry for each verdict and
//! checkpoints as [C2SP signed notes](https://c2sp.org/signed-note). Its files are the truth; the index beside them can be
//! made again from them at any time.
//!
//! The modules stand below in the order of their imports: hashing, geometry and texts are pure; `disk` is the one door to
//! storage; `log` joins them.

pub mod merkle;
pub mod tile;

pub mod frontier;

pub mod note;

pub mod checkpoint;
pub mod proof;

pub mod disk;

pub mod documents;
pub mod log;

pub mod lines;
