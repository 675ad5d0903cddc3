//! Lines of the conformance list that wait for calls which are not built yet. They are reported by name, so
//! that nobody takes their silence for a pass.

/// A line that waits.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// Its id.
    pub id: &'static str,
    /// What it needs.
    pub needs: &'static str,
}

macro_rules! waiting {
    ($($needs:literal: $($id:literal)+;)*) => {
        /// Every line that waits.
        pub const WAITING: &[Waiting] = &[$($(Waiting { id: $id, needs: $needs },)+)*];
    };
}

waiting! {
    "zx_channel_call": "CHN-013" "CHN-014" "CHN-016" "CHN-017" "CHN-019" "CHN-023";
    "zx_channel_read_etc": "CHN-022";
    "zx_channel_write_etc": "CHN-025" "CHN-026" "CHN-028" "CHN-029" "CHN-031" "CHN-032" "CHN-034";
}

/// Lines about the inside of the kernel, which no program can reach. Tests of these ids run on the hosted machine
/// (`platform/hosted/tests/scenarios/inside.rs`) and count there; at EL0 they are reported like lines that wait.
pub const INSIDE: &[Waiting] = &[inside("RES-026"), inside("RES-031")];

const fn inside(id: &'static str) -> Waiting {
    Waiting { id, needs: "a look inside the kernel, which the hosted tests have" }
}
