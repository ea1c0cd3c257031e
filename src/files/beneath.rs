//! Opens what lies below a directory's handle: through no link, no mount and no `..`, whatever somebody renames meanwhile.

use rustix::fs::{Mode, OFlags, fstat, openat};
use rustix::io::Errno;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// How often an open is tried again that a rename elsewhere interrupted.
const OPEN_TRIES: usize = 100;

/// A directory, and everything on its file system below it.
#[derive(Debug)]
pub struct Beneath {
    root: OwnedFd,
    device: u64,
    /// Set once the kernel, or a sandbox around us, refuses `openat2`.
    step_by_step: AtomicBool,
}

impl Beneath {
    /// Everything below this open directory.
    ///
    /// # Errors
    /// When the handle can't be looked at.
    pub fn new(root: OwnedFd) -> rustix::io::Result<Self> {
        let device = fstat(&root)?.st_dev;
        Ok(Self { root, device, step_by_step: AtomicBool::new(false) })
    }

    /// The directory's handle.
    pub fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// The number of its file system.
    pub fn device(&self) -> u64 {
        self.device
    }

    /// From now on as where `openat2` is refused.
    #[cfg(test)]
    pub(crate) fn go_step_by_step(&self, on: bool) {
        self.step_by_step.store(on, Relaxed);
    }

    /// Opens a path whose components are separated by single `/`; an empty one is the directory itself. Links are never
    /// followed, whatever `flags` say.
    ///
    /// # Errors
    /// `LOOP` for a link on the way or at the end, `NOTDIR`, `XDEV` for a mount, and what else the system says.
    pub fn open(&self, path: &[u8], flags: OFlags, mode: Mode) -> rustix::io::Result<OwnedFd> {
        let path = if path.is_empty() { b"." } else { path };
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut tries: usize = 0;
        loop {
            match self.attempt(path, flags, mode) {
                Err(Errno::INTR) => {}
                // A rename somewhere raced with the lookup.
                Err(Errno::AGAIN) if tries < OPEN_TRIES => tries = tries.saturating_add(1),
                done => return done,
            }
        }
    }

    #[cfg(target_os = "linux")]
    fn attempt(&self, path: &[u8], flags: OFlags, mode: Mode) -> rustix::io::Result<OwnedFd> {
        use rustix::fs::{ResolveFlags, openat2};
        if self.step_by_step.load(Relaxed) {
            return self.walk(path, flags, mode);
        }
        let resolve = ResolveFlags::BENEATH
            | ResolveFlags::NO_SYMLINKS
            | ResolveFlags::NO_MAGICLINKS
            | ResolveFlags::NO_XDEV;
        match openat2(&self.root, path, flags, mode, resolve) {
            // Older kernels lack the call, and older container sandboxes forbid it.
            Err(Errno::NOSYS) => {
                self.step_by_step.store(true, Relaxed);
                self.walk(path, flags, mode)
            }
            Err(Errno::PERM) => self.walk(path, flags, mode),
            done => done,
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn attempt(&self, path: &[u8], flags: OFlags, mode: Mode) -> rustix::io::Result<OwnedFd> {
        self.step_by_step.store(true, Relaxed);
        self.walk(path, flags, mode)
    }

    /// The same without `openat2`: no component is followed, and each directory is on the root's device.
    fn walk(&self, path: &[u8], flags: OFlags, mode: Mode) -> rustix::io::Result<OwnedFd> {
        let through = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        // To pass through a directory needs no right to list it.
        #[cfg(target_os = "linux")]
        let through = through | OFlags::PATH;
        let mut components = path.split(|byte| *byte == b'/');
        let last = components.next_back().unwrap_or_default();
        let mut above: Option<OwnedFd> = None;
        for component in components {
            let here: BorrowedFd<'_> = above.as_ref().map_or(self.root.as_fd(), AsFd::as_fd);
            let directory = openat(here, component, through, Mode::empty())?;
            if fstat(&directory)?.st_dev != self.device {
                return Err(Errno::XDEV);
            }
            above = Some(directory);
        }
        let here: BorrowedFd<'_> = above.as_ref().map_or(self.root.as_fd(), AsFd::as_fd);
        openat(here, last, flags, mode)
    }
}
