//! Debian 12 has QEMU 7.2, which knows no Raspberry Pi 4; its backports have a newer one.
//!
//! The stanza that is added repeats the address and the key of the system's own Debian source, so a mirror
//! stays in use.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use super::system;
use crate::process;
use crate::say::say;

/// The suite that QEMU is taken from.
pub(super) const SUITE: &str = "bookworm-backports";
const RELEASE: &str = "bookworm";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
const ADDED: &str = "/etc/apt/sources.list.d/jacinth-backports.sources";

/// What a new stanza takes over from the system's own source.
#[derive(Debug, PartialEq, Eq)]
struct Source {
    uris: String,
    signed_by: String,
}

/// Whether this is Debian 12.
pub(super) fn serve_this_system() -> bool {
    let Ok(text) = fs::read_to_string("/etc/os-release") else { return false };
    is_bookworm(&text)
}

fn is_bookworm(os_release: &str) -> bool {
    let value = |key: &str| {
        let line = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim_matches('"'))
    };
    value("ID") == Some("debian") && value("VERSION_CODENAME") == Some(RELEASE)
}

/// A line for apt's sources that names this Debian's release, from the mirror that the system uses; `None` elsewhere.
pub(super) fn release_line() -> Option<String> {
    let os_release = fs::read_to_string("/etc/os-release").ok()?;
    let value = |key: &str| {
        let line = os_release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
        Some(line.trim_matches('"').to_owned())
    };
    value("ID").filter(|id| id == "debian")?;
    let release = value("VERSION_CODENAME")?;
    let texts = source_files();
    let found = texts.iter().find_map(|text| from_stanzas(text).or_else(|| from_lines(text)));
    let Source { uris, signed_by } = found.unwrap_or_else(|| Source {
        uris: "http://deb.debian.org/debian".to_owned(),
        signed_by: KEYRING.to_owned(),
    });
    Some(format!("deb [signed-by={signed_by}] {uris} {release} main\n"))
}

/// Adds the backports to apt's sources, unless some file names them already.
pub(super) fn add_source(prefix: &[&str]) -> Result<()> {
    let texts = source_files();
    if texts.iter().any(|text| names_suite(text)) {
        return Ok(());
    }
    let found = texts.iter().find_map(|text| from_stanzas(text).or_else(|| from_lines(text)));
    let Some(source) = found else {
        bail!("no file of /etc/apt names a source of {RELEASE} to take the address from");
    };
    say("Setting up", format!("{ADDED}: QEMU of {SUITE} knows the Raspberry Pi 4"));
    write_as_root(prefix, &stanza(&source))
}

fn source_files() -> Vec<String> {
    let listed = Path::new("/etc/apt/sources.list.d").read_dir().into_iter().flatten().flatten();
    let mut paths: Vec<_> = listed.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|end| end == "sources" || end == "list"));
    paths.sort();
    paths.push("/etc/apt/sources.list".into());
    paths.iter().filter_map(|path| fs::read_to_string(path).ok()).collect()
}

fn names_suite(text: &str) -> bool {
    let active = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    active.flat_map(str::split_whitespace).any(|word| word == SUITE)
}

/// The source of the release in a file of deb822 stanzas.
fn from_stanzas(text: &str) -> Option<Source> {
    let plain: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let mut stanzas = plain.split(|line| line.trim().is_empty());
    stanzas.find_map(|lines| {
        let field = |name: &str| {
            let value = lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            value.map(|value| value.trim().to_owned())
        };
        let suites = field("Suites")?;
        suites.split_whitespace().find(|suite| *suite == RELEASE)?;
        Some(Source {
            uris: field("URIs")?,
            signed_by: field("Signed-By").unwrap_or_else(|| KEYRING.to_owned()),
        })
    })
}

/// The source of the release in a file of one-line entries.
fn from_lines(text: &str) -> Option<Source> {
    text.lines().find_map(|line| {
        let rest = line.trim().strip_prefix("deb ")?.trim_start();
        let (options, rest) = match rest.strip_prefix('[') {
            Some(bracket) => bracket.split_once(']')?,
            None => ("", rest),
        };
        let mut words = rest.split_whitespace();
        let uri = words.next()?;
        if words.next()? != RELEASE {
            return None;
        }
        let key = options.split_whitespace().find_map(|option| option.strip_prefix("signed-by="));
        Some(Source { uris: uri.to_owned(), signed_by: key.unwrap_or(KEYRING).to_owned() })
    })
}

fn stanza(source: &Source) -> String {
    format!(
        "# Added by `cargo xtask`: QEMU 7.2 of {RELEASE} has no raspi4b machine.\nTypes: deb\nURIs: {}\nSuites: {SUITE}\n\
         Components: main\nSigned-By: {}\n",
        source.uris, source.signed_by
    )
}

fn write_as_root(prefix: &[&str], text: &str) -> Result<()> {
    use std::io::Write;
    let mut command = system::as_root(prefix, "tee");
    let mut child = command.arg(ADDED).stdin(Stdio::piped()).stdout(Stdio::null()).spawn()?;
    if let Some(mut pipe) = child.stdin.take() {
        pipe.write_all(text.as_bytes()).with_context(|| format!("cannot write {ADDED}"))?;
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("`{}` failed ({status})", process::shown(&command));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_debian_12_is_served() {
        assert!(is_bookworm("PRETTY_NAME=\"Debian\"\nID=debian\nVERSION_CODENAME=bookworm\n"));
        assert!(!is_bookworm("ID=debian\nVERSION_CODENAME=trixie\n"));
        assert!(!is_bookworm("ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=jammy\n"));
    }

    #[test]
    fn the_stanza_repeats_address_and_key() {
        let text = "Types: deb\n# a comment\nURIs: http://mirror.invalid/security\nSuites: bookworm-security\n\n\
                    Types: deb\nURIs: http://mirror.invalid/debian\nSuites: bookworm bookworm-updates\nSigned-By: /k.gpg\n";
        let source = from_stanzas(text).unwrap();
        assert_eq!(
            source,
            Source { uris: "http://mirror.invalid/debian".into(), signed_by: "/k.gpg".into() }
        );
        let added = stanza(&source);
        assert!(added.contains("URIs: http://mirror.invalid/debian\nSuites: bookworm-backports\n"));
        assert!(names_suite(&added) && !names_suite(text));
    }

    #[test]
    fn one_line_entries_are_read() {
        let text = "# deb http://a.invalid bookworm main\ndeb [arch=amd64 signed-by=/k.gpg] http://b.invalid bookworm main\n";
        assert_eq!(
            from_lines(text),
            Some(Source { uris: "http://b.invalid".into(), signed_by: "/k.gpg".into() })
        );
        let text = "deb http://c.invalid bookworm main\n";
        assert_eq!(
            from_lines(text),
            Some(Source { uris: "http://c.invalid".into(), signed_by: KEYRING.into() })
        );
        assert_eq!(from_lines("deb http://c.invalid bookworm-security main"), None);
    }

    #[test]
    fn a_commented_suite_does_not_count() {
        assert!(!names_suite("# deb http://a.invalid bookworm-backports main\n"));
    }
}
