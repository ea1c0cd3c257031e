//! dropgate judges what a vendor delivers before an operator integrates it.
//!
//! ```text
//! drop ─▶ Inventory ─▶ Digests ─┐
//!                               ├─▶ Reconciled ─▶ Evidence ─▶ Facts ─▶ Judgements ─▶ Verdict ─▶ report
//! manifest bytes ─▶ Verified<Manifest> ┘                          ▲
//!                        ▲                                    policy packs
//!                   trust store
//! ```
//!
//! Data flows one way, and the modules stand below in its order: each uses only those before it.
//! [`gate::Gate::examine`] goes as far as the facts, [`gate::Gate::decide`] from there to the verdict.
//!
//! A problem of the drop is a [`finding::Finding`] in the verdict. An `Err` means that the gate could not look;
//! it is never an acceptance.

pub mod limits;

pub mod escape;
pub mod files;
pub mod json;
pub mod merkle;
pub mod time;

pub mod config;
pub mod digest;
pub mod drop;
pub mod finding;
pub mod trust;

pub mod cover;
pub mod manifest;
pub mod reconcile;

pub mod difference;

pub mod evidence;
pub mod policy;

pub mod verdict;

pub mod ledger;

pub mod gate;
pub mod report;

pub mod vsa;

pub mod admit;
pub mod record;

pub mod cli;
