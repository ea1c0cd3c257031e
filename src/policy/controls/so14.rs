//! SO14, change management.

mod approval;
mod record;
mod scope;
mod transition;
mod version;

pub(super) use approval::CHANGE_APPROVED;
pub(super) use record::{
    BACKOUT_PLAN, CHANGE_DECLARED, RESPONSIBILITY_STATED, VENDOR_ACCOUNTABLE, change_record,
};
pub(super) use scope::{CHANGE_SCOPE, TESTED_BEFORE_INTEGRATION};
pub(super) use transition::{
    TRANSITION_CONTINGENCY, TRANSITION_DISPOSAL, TRANSITION_HANDOVER, TRANSITION_PLAN, TRANSITION_RETENTION,
};
pub(super) use version::VERSION_ADVANCES;
