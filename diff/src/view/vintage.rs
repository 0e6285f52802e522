//! Which releases wrote a libvirt file, as far as it shows: a name that is newer is not in it, whatever the host has. And the
//! versions that QEMU and its machine types name.

use crate::knowledge::{Row, Version};

/// The oldest releases that a file without versions may be from.
const LIBVIRT: Version = Version::new(9, 0);
const QEMU: Version = Version::new(7, 2);

/// Since which libvirt and which QEMU a feature has a name; `None` where none is known to have one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Since {
    /// The oldest libvirt.
    pub libvirt: Option<Version>,
    /// The oldest QEMU.
    pub qemu: Option<Version>,
}

impl Since {
    /// What a row says.
    #[must_use]
    pub const fn of(row: &Row) -> Self {
        Self { libvirt: row.libvirt_since, qemu: row.qemu_since }
    }
}

/// The releases that are surely known to the one who wrote a file: libvirt 9.0 and QEMU 7.2, and what the file shows beyond
/// them, by the names that it lists and by the version of its machine type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vintage {
    /// Surely at least this libvirt.
    pub libvirt: Version,
    /// Surely at least this QEMU.
    pub qemu: Version,
}

impl Vintage {
    /// Of a file that lists features `since` these releases, and names this machine type.
    #[must_use]
    pub fn new(machine: Option<&str>, since: impl Iterator<Item = Since>) -> Self {
        // A file has the name alone; what stands behind the version is not QEMU's.
        let of_name = |machine: &str| {
            let (family, version) = machine_version(machine)?;
            (format!("{family}-{version}") == machine).then_some(version)
        };
        let qemu = machine.and_then(of_name).unwrap_or(QEMU).max(QEMU);
        since.fold(Self { libvirt: LIBVIRT, qemu }, |known, since| Self {
            libvirt: since.libvirt.map_or(known.libvirt, |version| version.max(known.libvirt)),
            qemu: since.qemu.map_or(known.qemu, |version| version.max(known.qemu)),
        })
    }

    /// Whether a feature's name may have been unknown to the one who wrote the file.
    #[must_use]
    pub fn may_lack(self, since: Since) -> bool {
        since.libvirt.is_none_or(|version| version > self.libvirt)
            || since.qemu.is_none_or(|version| version > self.qemu)
    }
}

/// A version as QEMU writes it: `7.2.22 (Debian …)`.
pub(crate) fn qemu_version(text: &str) -> Option<Version> {
    let mut numbers = text.trim_start_matches(|c: char| !c.is_ascii_digit()).split(|c: char| !c.is_ascii_digit());
    Some(Version::new(numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// `pc-q35-7.2` as a family and a version, of a `-machine` argument too. Distributions' own names (`pc-q35-rhel9.2.0`) have
/// none that QEMU's rows know.
pub(crate) fn machine_version(machine: &str) -> Option<(&str, Version)> {
    let machine = machine.split(',').next()?;
    let (family, version) = machine.rsplit_once('-')?;
    version.starts_with(|c: char| c.is_ascii_digit()).then_some(())?;
    Some((family, qemu_version(version)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn since(libvirt: Option<(u8, u8)>, qemu: Option<(u8, u8)>) -> Since {
        const fn version(of: Option<(u8, u8)>) -> Option<Version> {
            match of {
                Some((major, minor)) => Some(Version::new(major, minor)),
                None => None,
            }
        }
        Since { libvirt: version(libvirt), qemu: version(qemu) }
    }

    #[test]
    fn a_file_knows_the_oldest_names_and_those_as_old_as_its_newest() {
        let old = since(Some((9, 0)), Some((7, 2)));
        let new = since(Some((11, 3)), Some((10, 2)));
        let plain = Vintage::new(None, [old].into_iter());
        assert!(!plain.may_lack(old) && plain.may_lack(new) && plain.may_lack(Since::default()));
        assert!(!Vintage::new(None, [old, new].into_iter()).may_lack(new));
        // A machine type tells QEMU's version, not libvirt's.
        let newer_qemu = since(Some((9, 0)), Some((10, 2)));
        assert!(!Vintage::new(Some("pc-q35-10.2"), [].into_iter()).may_lack(newer_qemu));
        assert!(Vintage::new(Some("pc-q35-10.0"), [].into_iter()).may_lack(newer_qemu));
        assert!(Vintage::new(Some("pc-q35-11.1"), [].into_iter()).may_lack(new));
        assert!(Vintage::new(Some("q35"), [].into_iter()).may_lack(newer_qemu));
    }

    /// An argument may say more than the name, and a version may go on; a file's machine type is the name alone.
    #[test]
    fn a_machine_type_names_its_version() {
        let newer_qemu = since(Some((9, 0)), Some((10, 2)));
        for (machine, version, is_whole) in [
            ("pc-q35-10.2", Some(("pc-q35", Version::new(10, 2))), true),
            ("virt-11.1", Some(("virt", Version::new(11, 1))), true),
            ("pc-q35-10.2,smm=off", Some(("pc-q35", Version::new(10, 2))), false),
            ("pc-q35-10.2.1", Some(("pc-q35", Version::new(10, 2))), false),
            ("pc-q35-rhel9.2.0", None, false),
            ("pc-q35-11", None, false),
            ("q35", None, false),
        ] {
            assert_eq!(machine_version(machine), version, "{machine}");
            let of_file = Vintage::new(Some(machine), [].into_iter());
            assert_eq!(!of_file.may_lack(newer_qemu), is_whole, "{machine}");
        }
        assert_eq!(qemu_version("7.2.22 (Debian 1:7.2+dfsg-7)"), Some(Version::new(7, 2)));
        assert_eq!(qemu_version("unknown"), None);
    }
}
