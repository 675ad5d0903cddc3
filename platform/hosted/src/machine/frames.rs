//! The machine's frames.

use abi::vmo::CachePolicy;
use abi::{PageCount, PhysAddr};
use kernel::ports::{Frames, HeapUse, Run};

use super::Machine;
use crate::ram::FRAME;

impl Frames for Machine {
    fn allocate_frame(&mut self) -> Option<PhysAddr> {
        self.port(|state| state.ram.allocate())
    }

    fn allocate_run(&mut self, run: &Run) -> Option<PhysAddr> {
        self.port(|state| state.ram.allocate_run(run))
    }

    fn free_frame(&mut self, frame: PhysAddr) {
        self.port(|state| {
            assert!(!state.tables.contains(&frame), "free_frame({frame}): it is counted as a table");
            if let Some(cpu) = state.mmu.user_of(frame) {
                panic!("free_frame({frame}): CPU {} walks these tables", cpu.index());
            }
            state.ram.free(frame);
        });
    }

    fn allocate_table(&mut self) -> Option<PhysAddr> {
        self.port(|state| {
            let frame = state.ram.allocate()?;
            state.tables.insert(frame);
            Some(frame)
        })
    }

    fn free_table(&mut self, frame: PhysAddr) {
        let was_table = self.port(|state| state.tables.remove(&frame));
        assert!(was_table, "free_table({frame}): it was taken for something else");
        self.free_frame(frame);
    }

    fn table_frames(&self) -> PageCount {
        self.port(|state| PageCount(state.tables.len() as u64))
    }

    fn is_taken(&self, address: PhysAddr) -> bool {
        self.port(|state| state.ram.is_taken(address) && state.ram.policy_of(address) == CachePolicy::Cached)
    }

    fn frame_policy(&self, address: PhysAddr) -> Option<CachePolicy> {
        self.port(|state| state.ram.is_taken(address).then(|| state.ram.policy_of(address)))
    }

    fn free_frames(&self) -> PageCount {
        self.port(|state| PageCount(state.ram.free_count()))
    }

    fn heap_use(&self) -> HeapUse {
        // The simulated kernel's heap is the test's own.
        HeapUse::default()
    }

    fn zero_frame(&mut self, frame: PhysAddr) {
        self.port(|state| state.ram.zero(frame));
    }

    fn read_frame(&self, frame: PhysAddr, offset: usize, into: &mut [u8]) {
        self.port(|state| state.ram.read("read_frame", PhysAddr(frame.0 + offset as u64), into));
    }

    fn write_frame(&mut self, frame: PhysAddr, offset: usize, from: &[u8]) {
        self.port(|state| state.ram.write("write_frame", PhysAddr(frame.0 + offset as u64), from));
    }

    fn copy_frame(&mut self, from: PhysAddr, from_offset: usize, to: PhysAddr, to_offset: usize, len: usize) {
        assert!(len <= FRAME, "copy_frame: {len} bytes do not fit in a frame");
        self.port(|state| {
            let mut bytes = [0; FRAME];
            state.ram.read("copy_frame", PhysAddr(from.0 + from_offset as u64), &mut bytes[..len]);
            state.ram.write("copy_frame", PhysAddr(to.0 + to_offset as u64), &bytes[..len]);
        });
    }
}
