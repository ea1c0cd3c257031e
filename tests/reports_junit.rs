//! Reports in JUnit XML that real tools wrote, and hand-written ones that show one thing each.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod test_runs;

#[test]
fn reports_are_read_as_expected() {
    test_runs::are_read_as_expected("junit", dropgate::evidence::raw::junit::read);
}
