//! Against a real libvirt: what it would tell QEMU about a guest's CPU, and what its guests see.
#![allow(clippy::unwrap_used)]

mod support;

use support::libvirt::Libvirt;

#[test]
fn a_libvirt_answers() {
    let libvirt = Libvirt::start();
    assert!(libvirt.ask(&["version"]).contains("Running hypervisor: QEMU"));
    assert!(libvirt.ask(&["domcapabilities", "--virttype", "qemu"]).contains("host-model"));
}
