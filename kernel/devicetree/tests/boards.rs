//! What a board's kernel asks of its tree: how to end, how to speak, how to start its CPUs.
mod common;

use common::{Blob, parse};
use devicetree::{Conduit, Psci, PsciVersion, Tree};

fn tree(blob: &mut Blob) -> Tree<'static> {
    parse(&blob.finish()).unwrap()
}

fn psci(compatible: &str, method: &str, cpu_on: Option<&[u32]>) -> Option<Psci> {
    let mut blob = Blob::root(2, 2);
    blob.begin("psci").text("compatible", compatible).text("method", method);
    if let Some(cells) = cpu_on {
        blob.cells("cpu_on", cells);
    }
    tree(blob.end()).psci()
}

#[test]
fn psci_is_called_as_the_tree_says() {
    let standard = |conduit| Some(Psci { conduit, version: PsciVersion::Standard });
    assert_eq!(psci("arm,psci-1.0\0arm,psci-0.2\0arm,psci", "smc", None), standard(Conduit::Smc));
    assert_eq!(
        psci("arm,psci-0.2", "hvc", Some(&[7])),
        standard(Conduit::Hvc),
        "the numbers are fixed by then"
    );
    assert_eq!(psci("arm,psci-0.2", "svc", None), None, "never guessed");
    let named = Psci { conduit: Conduit::Smc, version: PsciVersion::Named { cpu_on: 0xc400_0003 } };
    assert_eq!(psci("arm,psci", "smc", Some(&[0xc400_0003])), Some(named));
    assert_eq!(psci("arm,psci", "smc", None), None);
    assert_eq!(psci("arm,psci", "smc", Some(&[1, 2])), None);
}

#[test]
fn the_watchdog_is_the_first_window_of_its_node() {
    let watchdog = |status: &str, compatible: &str| {
        let mut blob = Blob::root(1, 1);
        blob.begin("watchdog@7e100000").text("compatible", compatible).text("status", status);
        blob.cells("reg", &[0x7e10_0000, 0x114, 0x7e00_a000, 0x24]).end();
        tree(&mut blob).watchdog().map(|window| window.range.to_string())
    };
    let found = Some("[0x7e100000..0x7e100114)".to_owned());
    assert_eq!(watchdog("okay", "brcm,bcm2711-pm\0brcm,bcm2835-pm-wdt"), found);
    assert_eq!(watchdog("okay", "brcm,bcm2835-pm-wdt"), found);
    assert_eq!(watchdog("disabled", "brcm,bcm2835-pm-wdt"), None);
    assert_eq!(watchdog("okay", "arm,sp805"), None);
}

#[test]
fn a_console_that_is_not_there_keeps_its_name() {
    let mut blob = Blob::root(1, 1);
    blob.begin("aliases").text("serial0", "/uart@1000").end();
    blob.begin("chosen").text("stdout-path", "serial7:115200n8").end();
    blob.begin("uart@1000").cells("reg-shift", &[2]).cells("reg-io-width", &[1, 2]).end();
    let tree = tree(&mut blob);
    assert_eq!((tree.chosen().stdout(), tree.chosen().stdout_path()), (None, Some("serial7")));
    let uart = tree.find_console("serial0:9600").unwrap();
    assert_eq!(Some(uart), tree.find("/uart@1000"));
    assert_eq!(tree.find_console("serial1"), None);
    assert_eq!(tree.property_u32(uart, "reg-shift"), Some(2));
    assert_eq!(tree.property_u32(uart, "reg-io-width"), None, "two cells are not one");
    assert_eq!(tree.property_u32(uart, "reg-offset"), None);
}
