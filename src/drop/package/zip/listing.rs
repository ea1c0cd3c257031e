//! Everything in a package, and whether the entries fill it.

use super::Fault;
use super::central::{Headers, Kind, Listed, Lost};
use super::end;
use super::glance::{Glance, Halt};
use super::local;
use crate::drop::package::names::{Names, What};
use crate::drop::package::window::Window;
use crate::drop::{Inventory, Oddity, SourceError};
use crate::limits;

/// How much is read at a time where local headers are: several of a package of small files.
const AHEAD_BYTES: usize = 16 << 10;

pub(super) fn inventory(window: &Window, shown: &str) -> Result<Inventory, SourceError> {
    let mut names = Names::of(shown);
    match list(window, &mut names) {
        Ok(()) => {}
        Err(Halt::Faulty(fault)) => names.whole(Oddity::Zip(fault)),
        Err(Halt::Short) => names.unsettled(),
        Err(Halt::Source(error)) => return Err(error),
        Err(Halt::Unreadable(why)) => {
            return Err(SourceError::Unreadable { doing: "read", shown: shown.to_owned(), why });
        }
    }
    names.finish()
}

fn list(window: &Window, names: &mut Names) -> Result<(), Halt> {
    let directory = end::find(window)?;
    let mut listed = Vec::new();
    let mut headers = Headers::of(window, directory);
    let mut count = 0_u64;
    // What a header takes is known only when its name is taken.
    if directory.entries > limits::DROP_ENTRIES as u64 {
        return Err(Halt::Source(names.too_many("entries", limits::DROP_ENTRIES as u64)));
    }
    while let Some(header) = headers.next()? {
        count = count.saturating_add(1);
        if count > directory.entries {
            break;
        }
        match header {
            Ok(header) => listed.push(header),
            Err(Lost { name, fault }) => {
                names.add(&name, What::Odd(Oddity::Zip(fault))).map_err(Halt::Source)?;
            }
        }
    }
    if count != directory.entries {
        let what = "the number of entries";
        names.whole(Oddity::Zip(Fault::Disagree { what, expected: directory.entries, found: count }));
    }
    let size = listed.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
    let packed = window.size();
    if size > limits::PACKAGE_FREE_BYTES.max(packed.saturating_mul(limits::PACKAGE_RATIO)) {
        names.whole(Oddity::Zip(Fault::Bomb { packed, size }));
    }
    tile(window, listed, directory.at, names)
}

/// Holds each entry to its own header, and all of them to the space before the directory.
fn tile(window: &Window, mut listed: Vec<Listed>, directory: u64, names: &mut Names) -> Result<(), Halt> {
    listed.sort_unstable_by_key(|entry| entry.at);
    let mut glance = Glance::new(window, AHEAD_BYTES);
    // Where the next entry has to start; unknown after a faulty one.
    let mut expected = Some(0);
    let mut listed = listed.into_iter().peekable();
    while let Some(entry) = listed.next() {
        let next = listed.peek().map_or(directory, |next| next.at);
        let start = filled(expected, entry.at, names);
        let extent = local::check(&mut glance, &entry, next, directory)?;
        expected = extent.as_ref().ok().map(|extent| extent.end);
        let what = match (start.and(extent), entry.kind) {
            // What is wrong with it in itself says more.
            (_, Kind::Odd(oddity)) => What::Odd(oddity),
            (Err(fault), _) => What::Odd(Oddity::Zip(fault)),
            (Ok(_), Kind::Directory) => What::Directory,
            (Ok(extent), Kind::File(method)) => {
                What::File { size: entry.size, place: entry.place(method, extent.data) }
            }
        };
        names.add(&entry.name, what).map_err(Halt::Source)?;
    }
    if let Err(fault) = filled(expected, directory, names) {
        names.whole(Oddity::Zip(fault));
    }
    Ok(())
}

/// Whether what starts at `found` follows on what ended at `expected`.
fn filled(expected: Option<u64>, found: u64, names: &mut Names) -> Result<(), Fault> {
    let Some(expected) = expected else { return Ok(()) };
    if found < expected {
        return Err(Fault::Overlap { expected, found });
    }
    if found > expected {
        names.whole(Oddity::Zip(Fault::Gap { from: expected, to: found }));
    }
    Ok(())
}
