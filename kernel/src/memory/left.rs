//! What a cached window leaves in the caches when its last mapping goes, and who cleans it.
//!
//! Lines of it may be there still, written ones among them. Who maps it as cached takes them up; before anybody reaches it
//! by another type they go, or one that is written back later would come over what was written past the caches. That is done
//! a piece at a time by the call that wants the other type, which is made again: until nothing is left its mapping or pin
//! does not exist.
use abi::vmo::CachePolicy;
use abi::{PhysRange, Status, status::Result};

use crate::kernel::Kernel;
use crate::ports::Machine;
use crate::syscall::Exit;

impl<M: Machine> Kernel<M> {
    /// What a call does whose mapping was refused with this status: if it was for what is left of its pages, cleans a piece
    /// and is made again.
    ///
    /// # Errors
    /// That status, if not; `NO_MEMORY`.
    #[cold]
    #[inline(never)]
    pub(crate) fn clean_or(
        &mut self,
        refusal: Status,
        physical: Option<PhysRange>,
        policy: CachePolicy,
    ) -> Result<Exit> {
        match physical {
            Some(range) if refusal == Status::BAD_STATE && self.clean_piece(range, policy)? => {
                Ok(Exit::Again)
            }
            _ => Err(refusal),
        }
    }

    /// Cleans the first piece that is left of pages which are to be reached by this policy's type; whether there was one.
    ///
    /// # Errors
    /// `NO_MEMORY`; nothing changed.
    pub(crate) fn clean_piece(&mut self, range: PhysRange, policy: CachePolicy) -> Result<bool> {
        if policy == CachePolicy::Cached {
            return Ok(false);
        }
        let Some(left) = self.types.take_left(range)? else { return Ok(false) };
        self.machine.clean_pages(left, policy);
        Ok(true)
    }
}
