//! Whose devices are in a resource's pages: `ZX_INFO`'s topic of ours, `RESOURCE_GROUP`.
use abi::object::{InfoResourceGroup, resource_group};
use abi::resource::Kind;
use abi::{AbiStruct, PhysAddr, PhysRange, status::Result};

use super::Record;
use super::list::Step;
use crate::collections::arena::Id;
use crate::kernel::Kernel;
use crate::object::Resource;
use crate::object::thread::Place;
use crate::ports::Machine;

impl<M: Machine> Kernel<M> {
    /// The first window at or behind place `number` that is in a page group which the resource touches. A resource
    /// of another kind touches none, nor does a ranged root, which stands for no page in particular.
    pub(super) fn sharer_step(&self, resource: Id<Resource>, number: u64) -> Result<Step> {
        let resource = self.objects.get(resource)?;
        let range = PhysRange::new(PhysAddr(resource.base), resource.size).ok();
        let range = range.filter(|_| resource.kind == Kind::Mmio);
        let found = range.and_then(|range| {
            let place = usize::try_from(number).ok()?;
            self.ledger.sharer_from(range, place).map(|found| (range, found))
        });
        let Some((range, (place, sharer))) = found else { return Ok(Step { record: None, next: None }) };
        let window = sharer.window.range;
        let held = if window.overlaps(range) { resource_group::HELD } else { 0 };
        let in_its_pages = window.expand_to_pages().overlaps(range.expand_to_pages());
        let seen = if in_its_pages { resource_group::SEEN } else { 0 };
        let record = InfoResourceGroup {
            base: window.base().0,
            size: window.size(),
            window: sharer.number,
            group: sharer.group,
            flags: held | seen,
            reserved: 0,
        };
        let record = Record::of(&record, InfoResourceGroup::SIZE);
        Ok(Step { record: Some(record), next: Some(Place::Number(place as u64 + 1)) })
    }
}
