//! Handles, info, properties, waiting.

use abi::object::{InfoHandleBasic, info, property, thread_state};
use abi::time::INFINITE_PAST;
use abi::{AbiStruct, Handle, ObjectType, Rights, Signals, Sysno, VirtAddr};

use crate::agent::{Arg, Step};
use crate::check::{ok, refused, same, truth};
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "HND-004" replace "replacing gives a new value and ends the old one";
    "HND-005" replace_with_more "replacing by more rights ends the old handle all the same";
    "HND-007" duplicate_needs_duplicate "duplicating needs DUPLICATE";
    "HND-008" duplicate_with_more "a duplicate has no right that its source lacks";
    "HND-010" basic_too_small "a buffer too small for info is told so";
    "HND-011" related_koids "related koids name peer, process and job";
    "HND-013" channel_in_flight "messages keep their order while their channel travels";
    "HND-014" transfer_cancels_wait "a wait ends when its handle is sent away";
    "HND-019" bad_info_pointers "info refuses bad pointers";
    "HND-020" process_info_of_others "info on a process is for processes";
    "HND-025" bad_message_pointers "a message from nowhere is refused";
    "HND-J01" close_twice "a handle is closed once";
    "HND-J02" close_nothing "closing handle 0 is nothing";
    "HND-J03" values "handle values have their two low bits set and are not reused at once";
    "HND-J04" same_rights "SAME_RIGHTS keeps all rights";
    "HND-J05" handle_valid "HANDLE_VALID tells live handles from others";
    "HND-J06" unknown_topics "unknown topics and properties are not supported";
    "HND-J07" koids "an object has one koid for all its handles, and no two have the same";
    "HND-J08" bad_outputs "a bad output leaves the source of a duplicate, and not of a replacement";
    "HND-J09" names_of_tasks "processes and threads have names";
    "HND-J10" property_order "null, handle, right, size, in this order";
    "HND-J11" wait_in_order "waiting needs WAIT on an object that can be waited for";
    "HND-J12" wait_bad_output "a bad output is refused after the wait";
    "HND-J13" guesses "no value but a handle's own is a handle";
    "HND-J14" types "info tells every object's type";
    "HND-J15" close_cancels_wait "a wait ends when its handle is closed";
    "HND-J16" content_size_of_others "only VMOs have a content size";
}

fn replace(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let new = ok!(env.replace(vmo, Rights::BASIC));
    truth!(new != vmo);
    same!(ok!(env.rights(new)), Rights::BASIC);
    refused!(env.basic(vmo), BAD_HANDLE);
    // DUPLICATE is not needed.
    let last = ok!(env.replace(new, Rights::INSPECT));
    ok!(env.replace(last, Rights::SAME_RIGHTS));
    Ok(())
}

fn replace_with_more(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    refused!(env.replace(vmo, Rights::EXECUTE), INVALID_ARGS);
    refused!(env.basic(vmo), BAD_HANDLE);
    refused!(env.replace(0, Rights::SAME_RIGHTS), BAD_HANDLE);
    Ok(())
}

fn duplicate_needs_duplicate(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let waiter = ok!(env.duplicate(vmo, Rights::WAIT));
    refused!(env.duplicate(waiter, Rights::WAIT), ACCESS_DENIED);
    refused!(env.duplicate(waiter, Rights::SAME_RIGHTS), ACCESS_DENIED);
    // The right is looked at before what is asked for.
    refused!(env.duplicate(waiter, Rights::EXECUTE), ACCESS_DENIED);
    Ok(())
}

fn duplicate_with_more(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    refused!(env.duplicate(vmo, Rights::EXECUTE | Rights::WAIT), INVALID_ARGS);
    refused!(env.duplicate(vmo, Rights(1 << 30)), INVALID_ARGS);
    refused!(env.duplicate(0, Rights::SAME_RIGHTS), BAD_HANDLE);
    Ok(())
}

fn basic_too_small(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let own = env.own();
    let mut args = [u64::from(vmo), u64::from(info::HANDLE_BASIC), own.0, 4, own.0 + 64, own.0 + 72];
    refused!(env.raw(Sysno::object_get_info, &args), BUFFER_TOO_SMALL);
    same!((env.peek_u64(VirtAddr(own.0 + 64)), env.peek_u64(VirtAddr(own.0 + 72))), (0, 1));
    args[3] = InfoHandleBasic::SIZE as u64;
    ok!(env.raw(Sysno::object_get_info, &args));
    same!((env.peek_u64(VirtAddr(own.0 + 64)), env.peek_u64(VirtAddr(own.0 + 72))), (1, 1));
    Ok(())
}

fn related_koids(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    same!(ok!(env.basic(left)).related_koid, ok!(env.basic(right)).koid);
    same!(ok!(env.basic(right)).related_koid, ok!(env.basic(left)).koid);
    let (process, vmar) = ok!(env.process_create(b"related"));
    same!(ok!(env.basic(process)).related_koid, ok!(env.basic(env.world.job)).koid);
    let thread = ok!(env.thread_create(process, b"thread"));
    same!(ok!(env.basic(thread)).related_koid, ok!(env.basic(process)).koid);
    same!(ok!(env.basic(vmar)).related_koid, 0);
    Ok(())
}

fn channel_in_flight(env: &mut Env<'_>) -> Outcome {
    let (carrier, far) = ok!(env.channel());
    let (sender, receiver) = ok!(env.channel());
    ok!(env.channel_write(sender, b"first", &[]));
    ok!(env.channel_write(carrier, b"", &[receiver]));
    ok!(env.channel_write(sender, b"second", &[]));
    refused!(env.basic(receiver), BAD_HANDLE);
    let message = ok!(env.channel_read(far));
    same!(message.handles.len(), 1);
    let receiver = message.handles.first().copied().unwrap_or(0);
    ok!(env.channel_write(sender, b"third", &[]));
    for expected in ["first", "second", "third"] {
        same!(ok!(env.channel_read(receiver)).bytes, expected.as_bytes());
    }
    Ok(())
}

/// A thread that waits on `handle` for ever, and has begun to.
fn waiter(env: &mut Env<'_>, handle: Handle) -> crate::env::Result<crate::children::Task> {
    let task = env.new_thread(b"waiter")?;
    let wait = Step::call(
        Sysno::object_wait_one,
        &[
            Arg::Is(u64::from(handle)),
            Arg::Is(u64::from(Signals::READABLE.0)),
            Arg::Is(abi::time::INFINITE as u64),
            Arg::Script(crate::agent::DATA),
        ],
    );
    env.set_script(&task, &[wait, Step::call(Sysno::thread_exit, &[])])?;
    env.start_thread(&task)?;
    env.wait_for_state(task.thread, thread_state::BLOCKED_WAIT_ONE)?;
    Ok(task)
}

/// Waits through a handle until `take` takes it away.
fn cancels(env: &mut Env<'_>, take: fn(&mut Env<'_>, Handle) -> crate::env::Result) -> Outcome {
    let (watched, _peer) = ok!(env.channel());
    let task = ok!(waiter(env, watched));
    ok!(take(env, watched));
    ok!(env.wait_for_end(task.thread));
    refused!(env.step_status(&task, 0), CANCELED);
    let observed = ok!(env.script_word(&task, crate::agent::DATA)) as u32;
    truth!(Signals(observed).intersects(Signals::HANDLE_CLOSED));
    Ok(())
}

fn transfer_cancels_wait(env: &mut Env<'_>) -> Outcome {
    cancels(env, |env, watched| {
        let (carrier, far) = env.channel()?;
        env.channel_write(carrier, b"", &[watched])?;
        env.channel_read(far).map(drop)
    })
}

fn close_cancels_wait(env: &mut Env<'_>) -> Outcome {
    cancels(env, |env, watched| env.close(watched))
}

fn bad_info_pointers(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let topics = [info::HANDLE_BASIC, info::VMO];
    for topic in topics {
        for pointer in env.bad_pointers() {
            let mut args = [u64::from(vmo), u64::from(topic), pointer, 256, 0, 0];
            refused!(env.raw(Sysno::object_get_info, &args), INVALID_ARGS);
            if pointer == 0 {
                continue;
            }
            args[2] = env.own().0;
            args[4] = pointer;
            refused!(env.raw(Sysno::object_get_info, &args), INVALID_ARGS);
            args[4] = 0;
            args[5] = pointer;
            refused!(env.raw(Sysno::object_get_info, &args), INVALID_ARGS);
        }
    }
    Ok(())
}

fn process_info_of_others(env: &mut Env<'_>) -> Outcome {
    refused!(env.process_info(env.world.job), WRONG_TYPE);
    refused!(env.process_info(env.world.thread), WRONG_TYPE);
    let info = ok!(env.process_info(env.world.process));
    same!(info.flags, abi::object::process_flags::STARTED);
    Ok(())
}

fn bad_message_pointers(env: &mut Env<'_>) -> Outcome {
    let (near, far) = ok!(env.channel());
    for pointer in env.bad_pointers() {
        refused!(env.raw(Sysno::channel_write, &[u64::from(near), 0, pointer, 8]), INVALID_ARGS);
        let args = [u64::from(near), 0, 0, 0, pointer, 1];
        refused!(env.raw(Sysno::channel_write, &args), INVALID_ARGS);
    }
    // From the program's own memory into what is not mapped.
    let vmo = ok!(env.vmo_create(P, 0));
    let at = ok!(env.map(vmo, abi::vmar::PERM_READ, 2 * P));
    refused!(env.raw(Sysno::channel_write, &[u64::from(near), 0, at.0 + P - 4, 8]), INVALID_ARGS);
    refused!(env.channel_read(far), SHOULD_WAIT);
    Ok(())
}

fn close_twice(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    ok!(env.close(vmo));
    refused!(env.close(vmo), BAD_HANDLE);
    Ok(())
}

fn close_nothing(env: &mut Env<'_>) -> Outcome {
    ok!(env.close(0));
    Ok(())
}

fn values(env: &mut Env<'_>) -> Outcome {
    let mut last = 0;
    for _ in 0..64 {
        let vmo = ok!(env.vmo_create(0, 0));
        same!(vmo & 3, 3);
        truth!(vmo != last);
        ok!(env.close(vmo));
        last = vmo;
    }
    Ok(())
}

fn same_rights(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let twin = ok!(env.duplicate(vmo, Rights::SAME_RIGHTS));
    same!(ok!(env.rights(twin)), ok!(env.rights(vmo)));
    truth!(twin != vmo);
    Ok(())
}

fn handle_valid(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let bare = ok!(env.duplicate(vmo, Rights::NONE));
    ok!(env.valid(bare));
    ok!(env.close(bare));
    refused!(env.valid(bare), BAD_HANDLE);
    refused!(env.valid(0), BAD_HANDLE);
    Ok(())
}

fn unknown_topics(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let own = env.own().0;
    for topic in [0, 5, 0x0FFF_FFFF, info::VMO | 4 << 28] {
        let args = [u64::from(vmo), u64::from(topic), own, 512];
        refused!(env.raw(Sysno::object_get_info, &args), NOT_SUPPORTED);
    }
    for property in [0, 1, 4, 0xFFFF_FFFF] {
        let args = [u64::from(vmo), property, own, 64];
        refused!(env.raw(Sysno::object_get_property, &args), NOT_SUPPORTED);
    }
    Ok(())
}

fn koids(env: &mut Env<'_>) -> Outcome {
    let first = ok!(env.vmo_create(P, 0));
    let second = ok!(env.vmo_create(P, 0));
    let twin = ok!(env.duplicate(first, Rights::SAME_RIGHTS));
    let koid = ok!(env.basic(first)).koid;
    same!(ok!(env.basic(twin)).koid, koid);
    truth!(ok!(env.basic(second)).koid > koid);
    truth!(koid >= abi::object::KOID_FIRST);
    Ok(())
}

fn bad_outputs(env: &mut Env<'_>) -> Outcome {
    let same = u64::from(Rights::SAME_RIGHTS.0);
    for pointer in env.bad_pointers() {
        let vmo = ok!(env.vmo_create(P, 0));
        refused!(env.raw(Sysno::handle_duplicate, &[u64::from(vmo), same, pointer]), INVALID_ARGS);
        ok!(env.valid(vmo));
        refused!(env.raw(Sysno::handle_replace, &[u64::from(vmo), same, pointer]), INVALID_ARGS);
        refused!(env.valid(vmo), BAD_HANDLE);
        env.forget(vmo);
    }
    Ok(())
}

fn names_of_tasks(env: &mut Env<'_>) -> Outcome {
    let (process, _) = ok!(env.process_create(&[b'p'; 40]));
    same!(ok!(env.name(process)), [[b'p'; 31].as_slice(), &[0]].concat());
    let thread = ok!(env.thread_create(process, b""));
    same!(ok!(env.name(thread)), [0; 32]);
    ok!(env.set_name(thread, b"worker"));
    same!(ok!(env.name(thread))[..7], *b"worker\0");
    Ok(())
}

fn property_order(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let own = env.own().0;
    let name = u64::from(property::NAME);
    for call in [Sysno::object_get_property, Sysno::object_set_property] {
        refused!(env.raw(call, &[0, name, 0, 32]), INVALID_ARGS);
        refused!(env.raw(call, &[0, name, own, 32]), BAD_HANDLE);
    }
    let bare = ok!(env.duplicate(vmo, Rights::NONE));
    refused!(env.raw(Sysno::object_get_property, &[u64::from(bare), name, own, 0]), ACCESS_DENIED);
    refused!(env.raw(Sysno::object_get_property, &[u64::from(vmo), name, own, 31]), BUFFER_TOO_SMALL);
    let size = u64::from(property::VMO_CONTENT_SIZE);
    refused!(env.raw(Sysno::object_get_property, &[u64::from(vmo), size, own, 4]), BUFFER_TOO_SMALL);
    refused!(env.raw(Sysno::object_set_property, &[u64::from(vmo), size, own, 4]), BUFFER_TOO_SMALL);
    for pointer in env.bad_pointers() {
        refused!(env.raw(Sysno::object_get_property, &[u64::from(vmo), name, pointer, 32]), INVALID_ARGS);
        refused!(env.raw(Sysno::object_set_property, &[u64::from(vmo), name, pointer, 32]), INVALID_ARGS);
    }
    Ok(())
}

fn wait_in_order(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let deaf = ok!(env.duplicate(vmo, Rights::DEFAULT_VMO - Rights::WAIT));
    refused!(env.wait(0, Signals::NONE, INFINITE_PAST).0, BAD_HANDLE);
    refused!(env.wait(deaf, Signals::NONE, INFINITE_PAST).0, ACCESS_DENIED);
    refused!(env.wait(env.world.mmio_root, Signals::NONE, INFINITE_PAST).0, ACCESS_DENIED);
    refused!(env.wait(vmo, Signals::NONE, INFINITE_PAST).0, TIMED_OUT);
    // A VMO is never readable: the wait lasts until its deadline.
    let (start, pause) = (env.now(), 5_000_000);
    refused!(env.wait(vmo, Signals::READABLE, start + pause).0, TIMED_OUT);
    truth!(env.now() >= start + pause);
    Ok(())
}

fn wait_bad_output(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    let signals = u64::from(Signals::VMO_ZERO_CHILDREN.0);
    let past = INFINITE_PAST as u64;
    for pointer in env.bad_pointers().into_iter().filter(|pointer| *pointer != 0) {
        refused!(env.raw(Sysno::object_wait_one, &[u64::from(vmo), signals, past, pointer]), INVALID_ARGS);
    }
    ok!(env.raw(Sysno::object_wait_one, &[u64::from(vmo), signals, past, 0]));
    Ok(())
}

fn guesses(env: &mut Env<'_>) -> Outcome {
    let vmo = ok!(env.vmo_create(P, 0));
    // The bits that are always set, and those of the generation: the others may well name a neighbour.
    for bit in [0, 1, 24, 25, 26, 27, 28, 29, 30, 31] {
        refused!(env.valid(vmo ^ (1 << bit)), BAD_HANDLE);
    }
    for value in [3, 7, 0xFFFF_FFFF, 0x8000_0003] {
        if value != vmo {
            refused!(env.valid(value), BAD_HANDLE);
        }
    }
    // Only the low half of the register is the handle.
    ok!(env.raw(Sysno::object_get_info, &[u64::from(vmo) | 0xDEAD << 32, u64::from(info::HANDLE_VALID)]));
    Ok(())
}

fn types(env: &mut Env<'_>) -> Outcome {
    let world = env.world;
    let (channel, _) = ok!(env.channel());
    let expected = [
        (world.process, ObjectType::Process),
        (world.thread, ObjectType::Thread),
        (world.job, ObjectType::Job),
        (world.vmar, ObjectType::Vmar),
        (world.vdso, ObjectType::Vmo),
        (world.mmio_root, ObjectType::Resource),
        (channel, ObjectType::Channel),
    ];
    for (handle, kind) in expected {
        same!(ok!(env.basic(handle)).object_type, kind as u32);
    }
    Ok(())
}

fn content_size_of_others(env: &mut Env<'_>) -> Outcome {
    let (process, _) = ok!(env.process_create(b"sizeless"));
    refused!(env.content_size(process), WRONG_TYPE);
    refused!(env.set_content_size(process, 0), WRONG_TYPE);
    Ok(())
}
