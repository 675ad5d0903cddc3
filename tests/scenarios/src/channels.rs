//! Channels: messages, handles in them, and ends that close.

use alloc::vec::Vec;

use abi::{Handle, ObjectType, Rights, Signals, Sysno};

use crate::agent::{Arg, DATA, Step};
use crate::check::{ok, refused, same, truth};
use crate::{Env, Outcome, P, scenarios};

scenarios! {
    "CHN-001" pair "the ends know each other and can be written";
    "CHN-002" readable "a message makes the other end readable until it is read";
    "CHN-004" empty "an empty channel has to be waited for, or is over";
    "CHN-005" drain "what was sent before the end closed can be read";
    "CHN-007" write_to_nobody "nothing can be written to a closed end";
    "CHN-008" handles_in_flight "handles in messages that nobody reads are closed";
    "CHN-010" repeated_handle "a handle can be sent once, and is gone if sent twice";
    "CHN-011" many_readers "each message reaches one reader";
    "CHN-020" nested "two hundred channels, each inside the next, close";
    "CHN-J01" create_options "unknown options are refused before the outputs are looked at";
    "CHN-J02" rights "an end has its default rights";
    "CHN-J03" order "messages keep their order";
    "CHN-J04" too_small "a buffer too small is told the need, and the message stays";
    "CHN-J05" limits "a message has at most 64 KiB and 64 handles";
    "CHN-J06" empty_message "a message may be empty";
    "CHN-J07" handles_move "handles move with their rights, and are gone from the sender";
    "CHN-J08" transfer_right "a handle without TRANSFER cannot be sent, and is gone";
    "CHN-J09" own_end "an end cannot be sent through itself";
    "CHN-J10" options "unknown options are refused";
    "CHN-J11" rights_needed "writing needs WRITE and reading needs READ";
    "CHN-J12" handles_gone_on_failure "handles are gone whatever the outcome";
    "CHN-J13" bad_outputs "a pair whose handles cannot be written is no pair";
    "CHN-J14" bad_read_buffer "a message that cannot be copied out is lost";
    "CHN-J15" peer_closed "a closed end is seen at once";
    "CHN-J16" wakes_reader "a message wakes who waits for it";
    "CHN-J17" between_processes "a handle works in the process that it was sent to";
}

fn pair(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    same!(ok!(env.basic(left)).related_koid, ok!(env.basic(right)).koid);
    for end in [left, right] {
        same!(ok!(env.signals(end)), Signals::WRITABLE);
        same!(ok!(env.basic(end)).object_type, ObjectType::Channel as u32);
    }
    Ok(())
}

fn readable(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    ok!(env.channel_write(left, b"hello", &[]));
    same!(ok!(env.signals(right)), Signals::WRITABLE | Signals::READABLE);
    same!(ok!(env.signals(left)), Signals::WRITABLE);
    same!(ok!(env.channel_read(right)).bytes, b"hello");
    same!(ok!(env.signals(right)), Signals::WRITABLE);
    Ok(())
}

fn empty(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    refused!(env.channel_read(left), SHOULD_WAIT);
    ok!(env.close(right));
    refused!(env.channel_read(left), PEER_CLOSED);
    Ok(())
}

fn drain(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    ok!(env.channel_write(left, b"one", &[]));
    ok!(env.channel_write(left, b"two", &[]));
    ok!(env.close(left));
    same!(ok!(env.signals(right)), Signals::READABLE | Signals::PEER_CLOSED);
    same!(ok!(env.channel_read(right)).bytes, b"one");
    same!(ok!(env.channel_read(right)).bytes, b"two");
    same!(ok!(env.signals(right)), Signals::PEER_CLOSED);
    refused!(env.channel_read(right), PEER_CLOSED);
    Ok(())
}

fn write_to_nobody(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    ok!(env.close(right));
    refused!(env.channel_write(left, b"lost", &[]), PEER_CLOSED);
    let vmo = ok!(env.vmo_create(P, 0));
    refused!(env.channel_write(left, b"", &[vmo]), PEER_CLOSED);
    refused!(env.valid(vmo), BAD_HANDLE);
    Ok(())
}

fn handles_in_flight(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    let (inner, other) = ok!(env.channel());
    ok!(env.channel_write(left, b"", &[inner]));
    same!(ok!(env.signals(other)), Signals::WRITABLE);
    ok!(env.close(right));
    let soon = env.in_the_future(1_000_000_000);
    ok!(env.wait(other, Signals::PEER_CLOSED, soon).0);
    Ok(())
}

fn repeated_handle(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    let vmo = ok!(env.vmo_create(P, 0));
    refused!(env.channel_write(left, b"", &[vmo, vmo]), BAD_HANDLE);
    refused!(env.valid(vmo), BAD_HANDLE);
    refused!(env.channel_read(right), SHOULD_WAIT);
    Ok(())
}

fn many_readers(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    let mut readers = Vec::new();
    for _ in 0..3 {
        let task = ok!(env.new_thread(b"reader"));
        let wait = [
            Arg::Is(u64::from(right)),
            Arg::Is(u64::from((Signals::READABLE | Signals::PEER_CLOSED).0)),
            Arg::Is(abi::time::INFINITE as u64),
            Arg::Is(0),
        ];
        let read = [Arg::Is(u64::from(right)), Arg::Is(0), Arg::Script(DATA), Arg::Is(0), Arg::Is(64)];
        let steps = [
            Step::call(Sysno::object_wait_one, &wait),
            Step::call(Sysno::channel_read, &read),
            Step::call(Sysno::thread_exit, &[]),
        ];
        ok!(env.set_script(&task, &steps));
        ok!(env.start_thread(&task));
        readers.push(task);
    }
    let soon = env.in_the_future(20_000_000);
    ok!(env.nanosleep(soon));
    // All wait by now. The end closes too, so that nobody who comes late waits for ever.
    ok!(env.channel_write(left, b"for one", &[]));
    ok!(env.close(left));
    let mut delivered = 0;
    for task in &readers {
        ok!(env.wait_for_end(task.thread));
        match env.step_status(task, 1) {
            Ok(()) => delivered += 1,
            // Another CPU may read before the end closes.
            Err(abi::Status::SHOULD_WAIT) => {}
            outcome => refused!(outcome, PEER_CLOSED),
        }
    }
    same!(delivered, 1);
    Ok(())
}

fn nested(env: &mut Env<'_>) -> Outcome {
    let (mut near, mut far) = ok!(env.channel());
    for _ in 0..200 {
        let (left, right) = ok!(env.channel());
        ok!(env.channel_write(left, b"", &[near, far]));
        (near, far) = (left, right);
    }
    ok!(env.close(near));
    ok!(env.close(far));
    Ok(())
}

fn create_options(env: &mut Env<'_>) -> Outcome {
    refused!(env.raw(Sysno::channel_create, &[1, 0, 0]), INVALID_ARGS);
    let own = env.own().0;
    refused!(env.raw(Sysno::channel_create, &[1, own, own + 8]), INVALID_ARGS);
    Ok(())
}

fn rights(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    same!(ok!(env.rights(left)), Rights::DEFAULT_CHANNEL);
    same!(ok!(env.rights(right)), Rights::DEFAULT_CHANNEL);
    refused!(env.duplicate(left, Rights::SAME_RIGHTS), ACCESS_DENIED);
    Ok(())
}

fn order(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    for index in 0..100u8 {
        ok!(env.channel_write(left, &[index; 3], &[]));
    }
    for index in 0..100u8 {
        same!(ok!(env.channel_read(right)).bytes, [index; 3]);
    }
    Ok(())
}

fn too_small(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    let vmo = ok!(env.vmo_create(P, 0));
    ok!(env.channel_write(left, b"twelve bytes", &[vmo]));
    refused!(env.channel_read_into(right, 11, 1), BUFFER_TOO_SMALL);
    same!((env.out_u32(2), env.out_u32(3)), (12, 1));
    refused!(env.channel_read_into(right, 12, 0), BUFFER_TOO_SMALL);
    let message = ok!(env.channel_read_into(right, 12, 1));
    same!((message.bytes.as_slice(), message.handles.len()), (b"twelve bytes".as_slice(), 1));
    Ok(())
}

fn limits(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    let own = env.own().0;
    refused!(env.raw(Sysno::channel_write, &[u64::from(left), 0, own, 65537]), OUT_OF_RANGE);
    ok!(env.raw(Sysno::channel_write, &[u64::from(left), 0, own, 65536]));
    let args = [u64::from(right), 0, own, 0, 65536, 0];
    ok!(env.raw(Sysno::channel_read, &args));
    let mut handles = Vec::new();
    for _ in 0..65 {
        handles.push(ok!(env.vmo_create(0, 0)));
    }
    refused!(env.channel_write(left, b"", &handles), OUT_OF_RANGE);
    for handle in handles {
        refused!(env.valid(handle), BAD_HANDLE);
    }
    let mut handles = Vec::new();
    for _ in 0..64 {
        handles.push(ok!(env.vmo_create(0, 0)));
    }
    ok!(env.channel_write(left, b"", &handles));
    same!(ok!(env.channel_read(right)).handles.len(), 64);
    Ok(())
}

fn empty_message(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    ok!(env.raw(Sysno::channel_write, &[u64::from(left), 0, 0, 0, 0, 0]));
    same!(ok!(env.signals(right)), Signals::READABLE | Signals::WRITABLE);
    ok!(env.raw(Sysno::channel_read, &[u64::from(right), 0, 0, 0, 0, 0, 0, 0]));
    refused!(env.channel_read(right), SHOULD_WAIT);
    Ok(())
}

fn handles_move(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    let vmo = ok!(env.vmo_create(P, 0));
    ok!(env.vmo_write(vmo, 0, b"cargo"));
    let koid = ok!(env.basic(vmo)).koid;
    let fewer = ok!(env.replace(vmo, Rights::BASIC | Rights::READ));
    ok!(env.channel_write(left, b"", &[fewer]));
    refused!(env.valid(fewer), BAD_HANDLE);
    let message = ok!(env.channel_read(right));
    let arrived = message.handles.first().copied().unwrap_or(0);
    let basic = ok!(env.basic(arrived));
    same!((basic.koid, basic.rights), (koid, (Rights::BASIC | Rights::READ).0));
    same!(ok!(env.vmo_read(arrived, 0, 5)), b"cargo");
    Ok(())
}

fn transfer_right(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    let vmo = ok!(env.vmo_create(P, 0));
    let stuck = ok!(env.duplicate(vmo, Rights::DEFAULT_VMO - Rights::TRANSFER));
    refused!(env.channel_write(left, b"", &[vmo, stuck]), ACCESS_DENIED);
    refused!(env.valid(vmo), BAD_HANDLE);
    refused!(env.valid(stuck), BAD_HANDLE);
    refused!(env.channel_read(right), SHOULD_WAIT);
    Ok(())
}

fn own_end(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    refused!(env.channel_write(left, b"", &[left]), NOT_SUPPORTED);
    refused!(env.valid(left), BAD_HANDLE);
    let soon = env.in_the_future(1_000_000_000);
    ok!(env.wait(right, Signals::PEER_CLOSED, soon).0);
    Ok(())
}

fn options(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    let own = env.own().0;
    refused!(env.raw(Sysno::channel_write, &[u64::from(left), 1, own, 4]), INVALID_ARGS);
    refused!(env.raw(Sysno::channel_write, &[0, 1, own, 4]), INVALID_ARGS);
    refused!(env.raw(Sysno::channel_read, &[u64::from(right), 2, own, 0, 4]), NOT_SUPPORTED);
    // MAY_DISCARD: what does not fit is dropped.
    ok!(env.channel_write(left, b"too long", &[]));
    refused!(env.raw(Sysno::channel_read, &[u64::from(right), 1, own, 0, 4]), BUFFER_TOO_SMALL);
    refused!(env.channel_read(right), SHOULD_WAIT);
    Ok(())
}

fn rights_needed(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    let reader = ok!(env.replace(left, Rights::READ | Rights::WAIT));
    refused!(env.channel_write(reader, b"no", &[]), ACCESS_DENIED);
    let writer = ok!(env.replace(right, Rights::WRITE | Rights::WAIT));
    refused!(env.channel_read(writer), ACCESS_DENIED);
    ok!(env.channel_write(writer, b"yes", &[]));
    same!(ok!(env.channel_read(reader)).bytes, b"yes");
    refused!(env.channel_write(env.world.job, b"", &[]), WRONG_TYPE);
    refused!(env.channel_read(0), BAD_HANDLE);
    Ok(())
}

/// A handle that is sent in a call that is refused is gone.
fn gone(env: &mut Env<'_>, channel: Handle, options: u64, len: u64) -> crate::env::Result<bool> {
    let vmo = env.vmo_create(P, 0)?;
    let own = env.own();
    env.poke_u64(own, u64::from(vmo));
    let args = [u64::from(channel), options, own.0, len, own.0, 1];
    let refused = env.raw(Sysno::channel_write, &args).is_err();
    let invalid = env.valid(vmo).is_err();
    env.forget(vmo);
    Ok(refused && invalid)
}

fn handles_gone_on_failure(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    truth!(ok!(gone(env, left, 1, 0)));
    truth!(ok!(gone(env, left, 0, 65537)));
    truth!(ok!(gone(env, 0, 0, 0)));
    truth!(ok!(gone(env, env.world.job, 0, 0)));
    ok!(env.close(right));
    truth!(ok!(gone(env, left, 0, 0)));
    Ok(())
}

fn bad_outputs(env: &mut Env<'_>) -> Outcome {
    let before = env.system.object_count();
    let own = env.own().0;
    for pointer in env.bad_pointers() {
        refused!(env.raw(Sysno::channel_create, &[0, pointer, own]), INVALID_ARGS);
        refused!(env.raw(Sysno::channel_create, &[0, own, pointer]), INVALID_ARGS);
        let left = env.peek_u64(env.own()) as Handle;
        refused!(env.valid(left), BAD_HANDLE);
    }
    same!(env.system.object_count(), before);
    Ok(())
}

fn bad_read_buffer(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    ok!(env.channel_write(left, b"lost", &[]));
    refused!(env.raw(Sysno::channel_read, &[u64::from(right), 0, 1, 0, 64]), INVALID_ARGS);
    refused!(env.channel_read(right), SHOULD_WAIT);
    Ok(())
}

fn peer_closed(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    ok!(env.close(right));
    same!(ok!(env.signals(left)), Signals::PEER_CLOSED);
    // The koid of the end that is gone stays on record.
    truth!(ok!(env.basic(left)).related_koid != 0);
    Ok(())
}

fn wakes_reader(env: &mut Env<'_>) -> Outcome {
    let (left, right) = ok!(env.channel());
    let task = ok!(env.new_thread(b"writer"));
    let write = [Arg::Is(u64::from(left)), Arg::Is(0), Arg::Script(0), Arg::Is(8)];
    let steps = [Step::call(Sysno::channel_write, &write), Step::call(Sysno::thread_exit, &[])];
    ok!(env.set_script(&task, &steps));
    ok!(env.start_thread(&task));
    let (outcome, observed) = env.wait(right, Signals::READABLE, abi::time::INFINITE);
    ok!(outcome);
    truth!(observed.intersects(Signals::READABLE));
    same!(ok!(env.channel_read(right)).bytes.len(), 8);
    ok!(env.wait_for_end(task.thread));
    Ok(())
}

fn between_processes(env: &mut Env<'_>) -> Outcome {
    let (near, far) = ok!(env.channel());
    let task = ok!(env.new_process(b"peer"));
    let write = [Arg::Is(0), Arg::Is(0), Arg::Script(DATA), Arg::Is(5)];
    let steps = [Step::give_handle(1), Step::call(Sysno::channel_write, &write), Step::exit(0)];
    ok!(env.set_script(&task, &steps));
    ok!(env.vmo_write(task.script, DATA, b"child"));
    ok!(env.start_process(&task, far));
    refused!(env.valid(far), BAD_HANDLE);
    same!(ok!(env.finish(&task)), 0);
    same!(ok!(env.channel_read(near)).bytes, b"child");
    let soon = env.in_the_future(1_000_000_000);
    ok!(env.wait(near, Signals::PEER_CLOSED, soon).0);
    Ok(())
}
