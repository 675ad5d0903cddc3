//! The floating-point instructions that the programs of tests are made of.

use kernel::ports::FpState;

/// One instruction; the numbers are registers'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Float {
    /// `fmov dd, xn`: the upper half becomes zero.
    Set { v: usize, x: usize },
    /// `dup vd.2d, xn`.
    SetBoth { v: usize, x: usize },
    /// `fmov xd, dn`, and `fmov xd, vn.d[1]` for the upper half.
    Get { x: usize, v: usize, upper: bool },
    /// `msr fpcr, xt`.
    SetControl { x: usize },
    /// `msr fpsr, xt`.
    SetStatus { x: usize },
    /// `mrs xt, fpcr`.
    Control { x: usize },
    /// `mrs xt, fpsr`.
    Status { x: usize },
}

impl Float {
    /// The instruction, if it is one of these (Arm ARM C6.2, C7.2).
    pub(crate) const fn decode(word: u32) -> Option<Self> {
        let (to, from) = ((word & 31) as usize, (word >> 5 & 31) as usize);
        Some(match word & 0xFFFF_FC00 {
            0x9E67_0000 => Self::Set { v: to, x: from },
            0x4E08_0C00 => Self::SetBoth { v: to, x: from },
            0x9E66_0000 => Self::Get { x: to, v: from, upper: false },
            0x9EAE_0000 => Self::Get { x: to, v: from, upper: true },
            _ => match word & !31 {
                0xD51B_4400 => Self::SetControl { x: to },
                0xD51B_4420 => Self::SetStatus { x: to },
                0xD53B_4400 => Self::Control { x: to },
                0xD53B_4420 => Self::Status { x: to },
                _ => return None,
            },
        })
    }

    /// The general register that it reads, if it reads one.
    pub(crate) const fn source(self) -> Option<usize> {
        match self {
            Self::Set { x, .. } | Self::SetBoth { x, .. } => Some(x),
            Self::SetControl { x } | Self::SetStatus { x } => Some(x),
            Self::Get { .. } | Self::Control { .. } | Self::Status { .. } => None,
        }
    }

    /// Does it, with the source's value. What it says is for the general register named.
    pub(crate) fn execute(self, fp: &mut FpState, source: u64) -> Option<(usize, u64)> {
        let wide = u128::from(source);
        match self {
            Self::Set { v, .. } => fp.v[v] = wide,
            Self::SetBoth { v, .. } => fp.v[v] = wide | wide << 64,
            Self::SetControl { .. } => fp.fpcr = source,
            Self::SetStatus { .. } => fp.fpsr = source,
            Self::Get { x, v, upper } => return Some((x, (fp.v[v] >> (64 * u32::from(upper))) as u64)),
            Self::Control { x } => return Some((x, fp.fpcr)),
            Self::Status { x } => return Some((x, fp.fpsr)),
        }
        None
    }
}
