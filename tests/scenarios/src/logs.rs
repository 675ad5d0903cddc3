//! The log, as programs read it.

use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};

use abi::layout::AbiStruct;
use abi::log::{LogRecord, MAX_PAYLOAD, MAX_RECORD, READABLE};
use abi::resource::{FLAG_EXCLUSIVE, Kind, system};
use abi::{Handle, Rights, Status, Sysno, VirtAddr};

use crate::check::{ok, refused, same, truth};
use crate::env::Result;
use crate::{Env, Outcome, scenarios};

scenarios! {
    "LOG-J01" read_back "what is written to the log is read from it, with who and when";
    "LOG-J02" each_its_own "each reader has its own place, and one that comes late finds out what it has missed";
    "LOG-J03" refused_reads "a read needs its right, a record, and a good buffer, and without one of them loses nothing";
    "LOG-J04" half_group_is_told "who shares a page is in the log, and a loop of refusals does not fill it";
}

/// Nanoseconds in which a loop that was told of is forgotten.
const LONG: i64 = 2_000_000_000;

impl Env<'_> {
    fn open_log(&mut self) -> Result<Handle> {
        let root = self.world.system_root;
        let unit = self.resource_create(root, Kind::System as u32, system::DEBUGLOG, 1, b"log")?;
        self.making(Sysno::debuglog_create, &[u64::from(unit), u64::from(READABLE)])
    }

    fn write_log(&mut self, log: Handle, text: &[u8]) -> Result {
        let at = self.data(text);
        self.raw(Sysno::debuglog_write, &[u64::from(log), 0, at, text.len() as u64])
    }

    fn rest(&mut self, nanoseconds: i64) -> Result {
        let end = self.now() + nanoseconds;
        self.nanosleep(end)
    }

    /// As many bytes of the next record as there are, up to so many.
    fn read_bytes(&mut self, log: Handle, most: u64) -> Result<Vec<u8>> {
        let at = self.data(&[0xA5; MAX_RECORD]);
        let length = match self.raw(Sysno::debuglog_read, &[u64::from(log), 0, at, most]) {
            Ok(()) => 0,
            Err(Status(length)) if length > 0 => length as usize,
            Err(status) => return Err(status),
        };
        let mut bytes = [0; MAX_RECORD];
        self.system.peek(VirtAddr(at), &mut bytes);
        if bytes.iter().skip(length).any(|byte| *byte != 0xA5) {
            return Err(Status::INTERNAL);
        }
        Ok(bytes.get(..length).unwrap_or_default().to_vec())
    }

    /// The next record of this process, or about it.
    fn read_log(&mut self, log: Handle) -> Result<(LogRecord, Vec<u8>)> {
        let own = self.basic(self.world.process)?.koid;
        loop {
            let bytes = self.read_bytes(log, MAX_RECORD as u64)?;
            let head = LogRecord::get(&bytes);
            if head.pid == own {
                return Ok((head, bytes.get(LogRecord::SIZE..).unwrap_or_default().to_vec()));
            }
        }
    }

    /// Reads all that there is; the texts of this process, or about it.
    fn drain_log(&mut self, log: Handle) -> Result<Vec<Vec<u8>>> {
        let mut texts = Vec::new();
        loop {
            match self.read_log(log) {
                Ok((_, text)) => texts.push(text),
                Err(Status::SHOULD_WAIT) => return Ok(texts),
                Err(status) => return Err(status),
            }
        }
    }
}

fn read_back(env: &mut Env<'_>) -> Outcome {
    let log = ok!(env.open_log());
    same!(ok!(env.rights(log)), Rights::DEFAULT_DEBUGLOG | Rights::READ);
    ok!(env.drain_log(log));
    let before = env.now();
    ok!(env.write_log(log, b"scenario: back again"));
    let (head, text) = ok!(env.read_log(log));
    same!(text.as_slice(), b"scenario: back again");
    truth!(usize::from(head.datalen) == text.len() && head.tid != 0 && head.tid != head.pid);
    truth!((before..=env.now()).contains(&head.timestamp));
    // Two in order, and the longest.
    let long = [b'l'; MAX_PAYLOAD];
    ok!(env.write_log(log, b"scenario: one"));
    ok!(env.write_log(log, &long));
    let (first, _) = ok!(env.read_log(log));
    let (second, text) = ok!(env.read_log(log));
    same!(text, long.to_vec());
    truth!(head.sequence < first.sequence && first.sequence < second.sequence);
    // What does not fit is cut, and gone.
    ok!(env.write_log(log, b"scenario: cut"));
    same!(ok!(env.read_bytes(log, LogRecord::SIZE as u64 + 4)).split_off(LogRecord::SIZE), b"scen".to_vec());
    ok!(env.write_log(log, b"scenario: none"));
    same!(ok!(env.read_bytes(log, 0)), Vec::new());
    same!(ok!(env.drain_log(log)), Vec::<Vec<u8>>::new());
    Ok(())
}

fn each_its_own(env: &mut Env<'_>) -> Outcome {
    let (quick, slow) = (ok!(env.open_log()), ok!(env.open_log()));
    ok!(env.drain_log(quick));
    ok!(env.drain_log(slow));
    ok!(env.write_log(quick, b"scenario: first"));
    let (first, _) = ok!(env.read_log(quick));
    for number in 0..100_u8 {
        ok!(env.write_log(quick, &[number]));
        same!(ok!(env.read_log(quick)).1, vec![number]);
    }
    let (oldest, text) = ok!(env.read_log(slow));
    truth!(oldest.sequence > first.sequence + 1 && text.first().is_some_and(|number| *number > 0));
    same!(ok!(env.drain_log(slow)).last(), Some(&vec![99]));
    same!(ok!(env.drain_log(quick)), Vec::<Vec<u8>>::new());
    Ok(())
}

fn refused_reads(env: &mut Env<'_>) -> Outcome {
    let log = ok!(env.open_log());
    ok!(env.drain_log(log));
    refused!(env.read_bytes(log, MAX_RECORD as u64), SHOULD_WAIT);
    let (at, most) = (env.own().0, MAX_RECORD as u64);
    ok!(env.write_log(log, b"scenario: stays"));
    refused!(env.raw(Sysno::debuglog_read, &[u64::from(log), 1, at, most]), INVALID_ARGS);
    refused!(env.raw(Sysno::debuglog_read, &[0, 1, at, most]), INVALID_ARGS);
    refused!(env.raw(Sysno::debuglog_read, &[0, 0, at, most]), BAD_HANDLE);
    refused!(env.raw(Sysno::debuglog_read, &[u64::from(env.world.job), 0, at, most]), WRONG_TYPE);
    let deaf = ok!(env.duplicate(log, Rights::DEFAULT_DEBUGLOG));
    refused!(env.raw(Sysno::debuglog_read, &[u64::from(deaf), 0, at, most]), ACCESS_DENIED);
    for pointer in env.bad_pointers() {
        refused!(env.raw(Sysno::debuglog_read, &[u64::from(log), 0, pointer, most]), INVALID_ARGS);
    }
    same!(ok!(env.read_log(log)).1, b"scenario: stays".to_vec());
    Ok(())
}

fn half_group_is_told(env: &mut Env<'_>) -> Outcome {
    let log = ok!(env.open_log());
    let (root, half, other) = (env.world.mmio_root, env.world.group[0], env.world.group[1]);
    let refuse = |env: &mut Env<'_>| {
        env.resource_create(root, FLAG_EXCLUSIVE, half.base().0, half.size(), b"half").map(|_| ())
    };
    ok!(env.rest(LONG));
    ok!(env.drain_log(log));
    refused!(refuse(env), ACCESS_DENIED);
    let told = ok!(env.drain_log(log)).concat();
    let told = String::from_utf8_lossy(&told).into_owned();
    truth!(told.contains(&format!("resource: {half} is not granted exclusively")));
    truth!(told.contains(&format!("{other}")) && told.contains("ask for all of"));
    // Far fewer are told than there are, and each time how many before were not.
    let (mut lines, mut untold) = (0, 0);
    for _ in 0..200 {
        refused!(refuse(env), ACCESS_DENIED);
        let is_told = !ok!(env.drain_log(log)).is_empty();
        (lines, untold) = if is_told { (lines + 1, 0) } else { (lines, untold + 1) };
    }
    truth!((1..200).contains(&lines));
    ok!(env.rest(LONG));
    refused!(refuse(env), ACCESS_DENIED);
    let told = ok!(env.drain_log(log)).concat();
    let told = String::from_utf8_lossy(&told).into_owned();
    truth!(untold == 0 || told.contains(&format!("({untold} refusals before this one were not told)")));
    Ok(())
}
