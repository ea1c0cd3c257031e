//! The record of verdicts: append-only, and such that whoever kept it can't change it without being found out.
//!
//! An RFC 6962 Merkle tree laid out as [C2SP tlog-tiles](https://c2sp.org/tlog-tiles), with one entry for each verdict and
//! checkpoints as [C2SP signed notes](https://c2sp.org/signed-note). Its files are the truth; the index beside them can be
//! made again from them at any time.

pub mod lines;
