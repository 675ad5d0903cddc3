//! The bootstrap message, written and read (`abi::processargs`).
use core::fmt;

use abi::AbiStruct;
use abi::processargs::{Header, PROTOCOL, VERSION};
use alloc::vec::Vec;

/// The most bytes that a first bootstrap message may have: it is read before there is a heap.
pub const FIRST_MESSAGE_MAX: usize = 8192;

/// Writes a message for handles with these info words, and these arguments.
///
/// The handles themselves travel beside it, in the same order.
pub fn build(infos: &[u32], args: &[&str]) -> Vec<u8> {
    let args_off = Header::SIZE + infos.len() * 4;
    let end = args_off + args.iter().map(|arg| arg.len() + 1).sum::<usize>();
    let header = Header {
        protocol: PROTOCOL,
        version: VERSION,
        handle_info_off: Header::SIZE as u32,
        args_off: args_off as u32,
        args_num: args.len() as u32,
        environ_off: end as u32,
        environ_num: 0,
        names_off: end as u32,
        names_num: 0,
    };
    let mut bytes = Vec::with_capacity(end);
    bytes.resize(Header::SIZE, 0);
    header.put(&mut bytes);
    infos.iter().for_each(|info| bytes.extend(info.to_le_bytes()));
    for arg in args {
        bytes.extend(arg.bytes());
        bytes.push(0);
    }
    bytes
}

/// Why bytes are not a bootstrap message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Shorter than its header, or with another protocol or version.
    Header,
    /// The info words of its handles reach beyond its end.
    Infos,
    /// Its arguments reach beyond its end, or are not UTF-8.
    Args,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "its header is not that of a bootstrap message",
            Self::Infos => "it has fewer info words than handles",
            Self::Args => "its arguments are incomplete or not UTF-8",
        })
    }
}

/// A message that was checked.
///
/// Holding one proves: there is an info word for each handle, and every argument is there and is UTF-8.
#[derive(Clone, Copy, Debug)]
pub struct Parsed<'a> {
    infos: &'a [u8],
    args: &'a [u8],
    args_num: usize,
}

impl<'a> Parsed<'a> {
    /// Checks a message that came with `handles` handles.
    ///
    /// # Errors
    /// [`Malformed`], naming the first part that is wrong.
    pub fn new(bytes: &'a [u8], handles: usize) -> Result<Self, Malformed> {
        let header = Header::get(bytes);
        if bytes.len() < Header::SIZE || header.protocol != PROTOCOL || header.version != VERSION {
            return Err(Malformed::Header);
        }
        let infos = from(bytes, header.handle_info_off);
        let infos = infos.and_then(|infos| infos.get(..handles.checked_mul(4)?)).ok_or(Malformed::Infos)?;
        let args = match header.args_num {
            0 => &[],
            _ => from(bytes, header.args_off).ok_or(Malformed::Args)?,
        };
        let args_num = header.args_num as usize;
        let complete = args.iter().filter(|&&byte| byte == 0).count() >= args_num;
        let text = args.split(|&byte| byte == 0).take(args_num).all(|arg| core::str::from_utf8(arg).is_ok());
        if !complete || !text {
            return Err(Malformed::Args);
        }
        Ok(Self { infos, args, args_num })
    }

    /// What each handle is for, in order.
    pub fn infos(&self) -> impl Iterator<Item = u32> + 'a {
        self.infos.chunks_exact(4).map(|word| abi::layout::Plain::get_at(word, 0))
    }

    /// The arguments in order.
    pub fn args(&self) -> impl Iterator<Item = &'a str> {
        let args = self.args.split(|&byte| byte == 0).take(self.args_num);
        args.map(|arg| core::str::from_utf8(arg).unwrap_or_default())
    }
}

fn from(bytes: &[u8], offset: u32) -> Option<&[u8]> {
    bytes.get(usize::try_from(offset).ok()?..)
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::processargs::{FD, USER_WINDOW, info};

    #[test]
    fn what_is_built_is_read() {
        let infos = [info(FD, 0), info(USER_WINDOW, 3)];
        let bytes = build(&infos, &["rtc", "", "log=debug"]);
        let parsed = Parsed::new(&bytes, 2).unwrap();
        assert!(parsed.infos().eq(infos));
        assert!(parsed.args().eq(["rtc", "", "log=debug"]));
    }

    #[test]
    fn the_last_message_of_a_sequence_is_empty() {
        let bytes = build(&[], &[]);
        let parsed = Parsed::new(&bytes, 0).unwrap();
        assert_eq!((parsed.infos().count(), parsed.args().count()), (0, 0));
    }

    #[test]
    fn every_cut_is_noticed() {
        let bytes = build(&[info(FD, 0)], &["a", "b"]);
        for len in 0..bytes.len() {
            assert!(Parsed::new(&bytes[..len], 1).is_err(), "{len}");
        }
        assert_eq!(Parsed::new(&bytes[..35], 1).unwrap_err(), Malformed::Header);
        assert_eq!(Parsed::new(&bytes[..38], 1).unwrap_err(), Malformed::Infos);
        assert_eq!(Parsed::new(&bytes[..42], 1).unwrap_err(), Malformed::Args);
    }

    #[test]
    fn offsets_from_elsewhere_do_not_lead_outside() {
        let mut bytes = build(&[info(FD, 0)], &["a"]);
        bytes[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Parsed::new(&bytes, 1).unwrap_err(), Malformed::Infos);
        let mut bytes = build(&[info(FD, 0)], &["a"]);
        bytes[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(Parsed::new(&bytes, 1).unwrap_err(), Malformed::Args);
        assert_eq!(Parsed::new(&build(&[], &[]), usize::MAX).unwrap_err(), Malformed::Infos);
    }
}
