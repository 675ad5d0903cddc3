//! GICv2 (Arm IHI 0048): a distributor and, for each CPU, a memory-mapped interface.
mod distributor;
#[cfg(target_os = "none")]
mod interface;

#[cfg(target_os = "none")]
pub(crate) use interface::Gic;
